// The light and the counts.
// @ts-check

const WORDS = { saved: "saved", saving: "saving", offline: "offline", "signed-out": "signed out", refused: "refused" };

/** @param {string} id */
export const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {import("./outbox.js").Light} state @param {number} waiting  answers kept in this browser only
 * @param {string} words  why, for the curious
 */
export function light(state, waiting, words) {
  const lamp = at("light");
  lamp.dataset.state = state;
  lamp.title = {
    saved: "Every answer is on the server's disk.",
    saving: "On its way to the server.",
    offline: `The server can't be reached; answers are kept in this browser and sent later. ${words}`,
    "signed-out": words,
    refused: `The server refused: ${words} What was refused is kept in this browser.`,
  }[state];
  const count = waiting && state !== "saving" ? ` · ${waiting} ${state === "refused" ? "not accepted" : "kept here"}` : "";
  const text = WORDS[state] + count;
  const place = /** @type {HTMLElement} */ (lamp.querySelector(".words"));
  if (place.textContent !== text) place.textContent = text;
}

/** How much of the log the counts on the screen know. */
let known = 0;

/** @param {import("./types.js").Progress} progress */
export function counts(progress) {
  if (progress.position < known) return; // a reply that was made earlier and came later
  known = progress.position;
  at("pages-done").textContent = progress.pages.toLocaleString();
  at("pages-word").textContent = progress.pages === 1 ? " page" : " pages";
  for (const part of /** @type {const} */ (["told", "deduced", "predicted"])) {
    at(part).textContent = progress[part].toLocaleString();
    const bar = /** @type {HTMLElement} */ (at("meter").querySelector(`[data-part="${part}"]`));
    bar.style.width = `${(100 * progress[part]) / Math.max(progress.n_items, 1)}%`;
  }
  at("meter").setAttribute(
    "aria-label",
    `Of ${progress.n_items} items ${progress.told} told, ${progress.deduced} deduced, ${progress.predicted} predicted`,
  );
}
