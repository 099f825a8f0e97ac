// What to do, in half a minute: opened by itself until an account has closed it once, and by ? at any time.
// @ts-check

import { call } from "./api.js";
import { at } from "./status.js";

const guide = () => /** @type {HTMLDialogElement} */ (at("help"));

/** Open it with the list of keys. */
export function openGuide() {
  /** @type {HTMLDetailsElement} */ (at("help-keys")).open = true;
  at("help-close").textContent = "Close";
  guide().showModal();
}

/** Open it for whoever is new. */
export function bindGuide() {
  if (at("desk").dataset.new === undefined) return;
  at("help-close").textContent = "Start labelling";
  guide().showModal();
  // Whoever closes it knows; if the server can't be told, it comes once more.
  guide().addEventListener("close", () => { call("/api/welcomed", {}).catch(() => {}); }, { once: true });
}
