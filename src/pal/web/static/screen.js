// What every screen but the page itself shares: asking the server under the light, short messages, small parts.
// @ts-check

import { Offline, SignedOut, call, newId } from "./api.js";
import { element, face } from "./card.js";
import { at, light } from "./status.js";

/** @typedef {import("./types.js").Tile} Tile */

/**
 * Ask the server and show the light; the screen stays as it is when that fails.
 * @param {string} path @param {object} [body] @param {number} [patience]  milliseconds
 */
export async function ask(path, body, patience) {
  if (body) light("saving", 0, "");
  try {
    const reply = await call(path, body, patience);
    light("saved", 0, "");
    return reply;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (error instanceof SignedOut) light("signed-out", 0, words);
    else if (error instanceof Offline) light("offline", 0, words);
    else light("saved", 0, "");
    toast(error instanceof Offline ? "The server can't be reached; nothing was changed. Try again in a moment." : words);
    return null;
  }
}

let fading = 0;
/** Say something for a while. @param {string} words @param {HTMLButtonElement} [act]  what can be done about it */
export function toast(words, act) {
  at("toast").replaceChildren(element("span", "", words), ...(act ? [act] : []));
  at("toast").hidden = false;
  clearTimeout(fading);
  fading = window.setTimeout(fade, act ? 12_000 : 6000);
}

/** What somebody is about to press stays. */
function fade() {
  if (at("toast").matches(":hover, :focus-within")) fading = window.setTimeout(fade, 1000);
  else at("toast").hidden = true;
}

/** A path's last step: what differs between the names of a folder. @param {string} name */
export const short = (name) => name.slice(name.replace(/\/+$/, "").lastIndexOf("/") + 1);

export const plural = (/** @type {number} */ n, /** @type {string} */ word) => `${n.toLocaleString()} ${word}${n === 1 ? "" : "s"}`;
export const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;

/** @param {string} words @param {string} kind @param {() => void} act */
export function button(words, kind, act) {
  const made = /** @type {HTMLButtonElement} */ (element("button", kind, words));
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A picture that leads to its item's screen. @param {Tile} item @param {96|256|768} size */
export function itemLink(item, size) {
  const made = /** @type {HTMLAnchorElement} */ (element("a", "item-link"));
  made.href = `/item#${item.id}`;
  made.title = item.name;
  made.setAttribute("aria-label", `${item.name}: all about it`);
  made.append(face(item, size).face);
  return made;
}

/**
 * An answer about one pair, as an event.
 * @param {"check"|"audit"} page @param {string} template @param {string} item @param {-1|0|1} relation
 * @param {number} seconds
 */
export const said = (page, template, item, relation, seconds) => ({
  kind: "answered", id: newId(), time: Date.now() / 1000, page, template, items: [item], relations: [relation],
  mode: "same", seconds: Math.round(seconds * 1000) / 1000,
});

/** @param {number} time  seconds since the epoch */
export const when = (time) => new Date(1000 * time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
