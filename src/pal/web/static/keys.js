// From key presses to acts. Keys count by place (event.code), so that the grid of letters is a grid on every layout.
// @ts-check

import { TILE_CODES } from "./layout.js";

const HOLD = 420; // milliseconds until a press is a hold

/** @typedef {{shift: boolean, alt: boolean, at: number}} How */

/**
 * @typedef {object} Acts
 * @property {(position: number, how: How) => void} tile
 * @property {(position: number) => void} hold          a key was held: enlarge, and take its toggle back
 * @property {() => void} release
 * @property {(at: number) => void} done
 * @property {() => void} back
 * @property {() => void} invert
 * @property {() => void} unclear
 * @property {() => void} flag
 * @property {() => void} name
 * @property {() => void} escape
 * @property {() => void} help
 * @property {() => void} template
 * @property {(dx: number, dy: number) => void} move
 * @property {() => number} focused
 */

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Acts} acts */
export function bindKeys(acts) {
  /** @type {string|null} */
  let held = null;
  let timer = 0;

  addEventListener("keydown", (event) => {
    if (event.repeat) { if (ours(event)) event.preventDefault(); return; }
    if (document.querySelector("dialog[open]:not(#enlarged)")) return; // a dialog has its own keys
    if (!ours(event)) return;
    event.preventDefault();
    const how = { shift: event.shiftKey, alt: event.altKey, at: event.timeStamp };
    const position = event.code === "KeyJ" ? acts.focused() : TILE_CODES.indexOf(event.code);
    if (event.ctrlKey || event.metaKey) acts.back();
    else if (position >= 0) {
      acts.tile(position, how);
      clearTimeout(timer);
      held = how.alt ? null : event.code; // with Alt it stays enlarged until the next key
      if (held) timer = window.setTimeout(() => acts.hold(position), HOLD);
    } else command(event, acts);
  });

  addEventListener("keyup", (event) => {
    if (event.code !== held) return;
    clearTimeout(timer);
    held = null;
    acts.release();
  });
  addEventListener("blur", () => { clearTimeout(timer); if (held) acts.release(); held = null; });
}

/** @param {KeyboardEvent} event @param {Acts} acts */
function command(event, acts) {
  if (event.key === "?") return acts.help();
  if (event.key in ARROWS) return acts.move(...ARROWS[event.key]);
  if (event.altKey) return event.code === "Digit0" ? acts.template() : undefined;
  switch (event.code) {
    case "Space": case "Enter": case "NumpadEnter": return acts.done(event.timeStamp);
    case "Backspace": return acts.back();
    case "KeyI": return acts.invert();
    case "KeyU": return acts.unclear();
    case "KeyK": return acts.flag();
    case "KeyN": return acts.name();
    case "Escape": return acts.escape();
  }
}

const COMMANDS = new Set(["Backspace", "KeyI", "KeyU", "KeyK", "KeyN", "KeyJ", "Escape"]);

/** Is this key ours, or does the browser or a control in focus need it? @param {KeyboardEvent} event */
function ours(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.isComposing || target.closest("input, textarea, select, [contenteditable]")) return false;
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === "z" && !event.shiftKey && !event.altKey;
  if (["Space", "Enter", "NumpadEnter"].includes(event.code)) return !target.closest("button, a");
  return event.key === "?" || event.key in ARROWS || TILE_CODES.includes(event.code) || COMMANDS.has(event.code)
    || (event.altKey && event.code === "Digit0");
}
