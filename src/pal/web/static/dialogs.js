// The few dialogs: naming and the enlarged item.
// @ts-check

import { element, face } from "./card.js";
import { at } from "./status.js";

/**
 * Ask for a name.
 * @param {string} title @param {string} now  the present name, or ""
 * @returns {Promise<string>} the new name, or "" if the person thought better of it
 */
export function askName(title, now) {
  const dialog = /** @type {HTMLDialogElement} */ (at("naming"));
  const input = /** @type {HTMLInputElement} */ (at("naming-input"));
  at("naming-title").textContent = title;
  input.value = now;
  const cancel = /** @type {HTMLElement} */ (dialog.querySelector("[data-close]"));
  cancel.onclick = () => dialog.close();
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    // Submitting comes before closing, and the first to come decides.
    at("naming-form").addEventListener("submit", () => resolve(input.value.trim()), { once: true });
    dialog.addEventListener("close", () => resolve(""), { once: true });
  });
}

/** @param {import("./types.js").Tile} item */
export function enlarge(item) {
  const dialog = /** @type {HTMLDialogElement} */ (at("enlarged"));
  const body = face(item, 768);
  at("enlarged-body").replaceChildren(body.face);
  at("enlarged-name").replaceChildren(element("span", "", item.name));
  if (!dialog.open) dialog.showModal();
  dialog.onclick = () => dialog.close();
}

/** @returns {boolean} whether it was open */
export function shrink() {
  const dialog = /** @type {HTMLDialogElement} */ (at("enlarged"));
  const open = dialog.open;
  if (open) dialog.close();
  return open;
}
