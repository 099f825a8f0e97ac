// The few dialogs: naming and the enlarged item.
// @ts-check

import { element, face } from "./card.js";
import { at } from "./status.js";

/** Names that an administrator listed. @type {string[]} */
const CLASSES = [.../** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("#naming-known option"))].map((option) => option.value);

/**
 * Ask for a name.
 * @overload
 * @param {string} title @param {string} now  the present name, or ""
 * @returns {Promise<string>} the new name, or "" if the person thought better of it
 */
/**
 * Ask for a name that may be empty, with those known before to choose from.
 * @overload
 * @param {string} title @param {string} now @param {{optional: true, known?: string[], hint?: string}} how
 * @returns {Promise<string|null>} null if the person thought better of it
 */
/** @param {string} title @param {string} now @param {{optional: true, known?: string[], hint?: string}} [how] */
export function askName(title, now, how) {
  const dialog = /** @type {HTMLDialogElement} */ (at("naming"));
  const input = /** @type {HTMLInputElement} */ (at("naming-input"));
  at("naming-title").textContent = title;
  input.value = now;
  input.required = !how;
  const hint = document.getElementById("naming-hint");
  if (hint) hint.textContent = how?.hint ?? "";
  const known = document.getElementById("naming-known");
  known?.replaceChildren(...(how?.known ?? CLASSES).map((name) => {
    const option = /** @type {HTMLOptionElement} */ (element("option"));
    option.value = name;
    return option;
  }));
  const cancel = /** @type {HTMLElement} */ (dialog.querySelector("[data-close]"));
  cancel.onclick = () => dialog.close();
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    // Submitting comes before closing, and the first to come decides.
    at("naming-form").addEventListener("submit", () => resolve(input.value.trim()), { once: true });
    dialog.addEventListener("close", () => resolve(how ? null : ""), { once: true });
  });
}

/**
 * Show something and ask whether to go on.
 * @param {string} title @param {HTMLElement[]} body
 * @returns {Promise<boolean>}
 */
export function confirmed(title, body) {
  const dialog = /** @type {HTMLDialogElement} */ (at("confirm"));
  at("confirm-title").textContent = title;
  at("confirm-body").replaceChildren(...body);
  at("confirm-no").onclick = () => dialog.close();
  dialog.showModal();
  at("confirm-no").focus();
  return new Promise((resolve) => {
    at("confirm-form").addEventListener("submit", () => resolve(true), { once: true });
    dialog.addEventListener("close", () => resolve(false), { once: true });
  });
}

/**
 * Show an item large, until a click anywhere.
 * @param {import("./types.js").Tile} item
 * @param {{words: string, chosen: boolean, act: () => void}[]} [choices]  what can be said of it, a button each
 */
export function enlarge(item, choices = []) {
  const dialog = /** @type {HTMLDialogElement} */ (at("enlarged"));
  const body = face(item, 768);
  // The finger that opened it goes up over it: that is no click on what lies there.
  let pressed = false;
  dialog.onpointerdown = () => { pressed = true; };
  at("enlarged-body").replaceChildren(body.face);
  at("enlarged-name").replaceChildren(element("span", "", item.name));
  at("enlarged-choices").hidden = !choices.length;
  at("enlarged-choices").replaceChildren(...choices.map(({ words, chosen, act }) => {
    const button = /** @type {HTMLButtonElement} */ (element("button", "button quiet", words));
    button.type = "button";
    button.setAttribute("aria-pressed", String(chosen));
    button.onclick = (event) => { if (pressed || !event.detail) act(); };
    return button;
  }));
  if (!dialog.open) dialog.showModal();
  dialog.onclick = () => { if (pressed) dialog.close(); };
}

/** @returns {boolean} whether it was open */
export function shrink() {
  const dialog = /** @type {HTMLDialogElement} */ (at("enlarged"));
  const open = dialog.open;
  if (open) dialog.close();
  return open;
}
