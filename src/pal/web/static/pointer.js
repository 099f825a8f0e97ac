// Mouse and touch on the board: click or tap marks, Shift-click is unsure, press and hold (or Alt-click) enlarges. What a
// finger enlarged stays until the next tap: the finger covers it, and there it can be called unsure.
// @ts-check

const HOLD = 420;
const SLIP = 12; // pixels a finger may move and still be pressing

/**
 * @param {HTMLElement} area
 * @param {{tile: (position: number, how: import("./keys.js").How) => void, 
 *   peek: (position: number, stays: boolean) => void, release: () => void}} acts
 */
export function bindPointer(area, acts) {
  let timer = 0;
  let held = false;
  let stays = false;
  let from = { x: 0, y: 0 };
  /** @param {Event} event */
  const positionOf = (event) => {
    const tile = /** @type {HTMLElement} */ (event.target).closest("[data-position]");
    return tile instanceof HTMLElement ? Number(tile.dataset.position) : -1;
  };
  const stop = () => {
    clearTimeout(timer);
    if (held && !stays) acts.release();
  };

  area.addEventListener("pointerdown", (event) => {
    const position = positionOf(event);
    held = false;
    stays = event.pointerType === "touch";
    if (position < 0 || event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY };
    timer = window.setTimeout(() => { held = true; acts.peek(position, stays); }, HOLD);
  });
  area.addEventListener("pointermove", (event) => {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLIP) clearTimeout(timer);
  });
  addEventListener("pointerup", stop);
  addEventListener("pointercancel", stop);
  area.addEventListener("click", (event) => {
    const position = positionOf(event);
    if (position < 0 || held) return;
    acts.tile(position, { shift: event.shiftKey, alt: event.altKey, at: event.timeStamp });
  });
  // A long press on a touch screen would open the browser's menu.
  area.addEventListener("contextmenu", (event) => { if (positionOf(event) >= 0) event.preventDefault(); });
}
