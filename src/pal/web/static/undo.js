// What was done on this screen and can be taken back, the latest first: by the button that says so, or by Ctrl+Z or
// Backspace. Taking back is a retraction of every event of the act, all or none; nothing leaves the log.
// @ts-check

import { newId } from "./api.js";
import { ask, button, toast } from "./screen.js";

/** @typedef {() => void|Promise<void>} After  shows the screen anew */
/** @typedef {{events: string[], after: After}} Act */

/** @type {Act[]} */
const acts = [];
let busy = false;

/** @param {string[]} events  what the act wrote @param {After} after @returns {Act} */
export function remember(events, after) {
  const act = { events, after };
  acts.push(act);
  return act;
}

/**
 * Say what was done, with a button that takes it back, and show it.
 * @param {string} words @param {{events: string[]}} written  what the server replied @param {After} after
 */
export function done(words, written, after) {
  const act = remember(written.events, after);
  toast(words, button("Undo", "button quiet", () => takeBack(act)));
  return after();
}

/** @param {Act} [act]  the latest, if none is named */
export async function takeBack(act = acts.at(-1)) {
  if (!act || busy || !acts.includes(act)) return;
  busy = true;
  const time = Date.now() / 1000;
  const events = act.events.toReversed().map((event) => ({ kind: "retracted", id: newId(), time, event }));
  const reply = await ask("/api/events", { events });
  busy = false;
  if (!reply) return;
  acts.splice(acts.indexOf(act), 1);
  toast("Taken back. It stays in the log, and no longer counts.");
  await act.after();
}

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const meant = event.ctrlKey || event.metaKey ? event.key.toLowerCase() === "z" && !event.shiftKey : event.code === "Backspace";
  if (!meant || event.repeat || event.altKey || !acts.length) return;
  if (target.closest("input, textarea, select") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  takeBack();
});
