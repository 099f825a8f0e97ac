// Points on a canvas: drawing, what lies under the pointer, and a loop drawn around some. No DOM but the canvas.
// @ts-check

/** @typedef {{x: number, y: number}} Place */

const MARGIN = 28;
const NEAR = 14; // pixels

export class Plot {
  /** @param {HTMLCanvasElement} canvas @param {number[]} x @param {number[]} y  coordinates in −1..1 */
  constructor(canvas, x, y) {
    this.canvas = canvas;
    this.x = x;
    this.y = y;
    /** @type {string[]} a colour a point */
    this.colours = [];
    /** @type {Set<number>} */
    this.selected = new Set();
    /** @type {Place[]} the loop being drawn */
    this.loop = [];
    this.accent = "";
    this.asked = false;
    const bound = (/** @type {number[]} */ v) => v.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
    this.bounds = { x: bound(x), y: bound(y) };
  }

  /** Where a point is on the canvas, in CSS pixels. @param {number} point @returns {Place} */
  place(point) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const along = (/** @type {number} */ value, /** @type {number[]} */ [low, high], /** @type {number} */ size) =>
      MARGIN + ((value - low) / Math.max(high - low, 1e-9)) * (size - 2 * MARGIN);
    return { x: along(this.x[point], this.bounds.x, width), y: height - along(this.y[point], this.bounds.y, height) };
  }

  /** Draw before the next paint, once. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  paint() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    const radius = this.x.length > 3000 ? 2.5 : 3.5;
    for (let point = 0; point < this.x.length; point++) {
      const { x, y } = this.place(point);
      const chosen = this.selected.has(point);
      pen.globalAlpha = this.selected.size && !chosen ? 0.22 : 0.85;
      pen.fillStyle = this.colours[point];
      pen.beginPath();
      pen.arc(x, y, chosen ? radius + 1.5 : radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (this.loop.length < 2) return;
    pen.beginPath();
    for (const { x, y } of this.loop) pen.lineTo(x, y);
    pen.closePath();
    pen.strokeStyle = this.accent;
    pen.lineWidth = 2;
    pen.setLineDash([6, 4]);
    pen.stroke();
  }

  /** The point next to a place, −1 if none is near. @param {Place} at */
  near(at) {
    let best = -1;
    let distance = NEAR ** 2;
    for (let point = 0; point < this.x.length; point++) {
      const { x, y } = this.place(point);
      const d = (x - at.x) ** 2 + (y - at.y) ** 2;
      if (d < distance) [best, distance] = [point, d];
    }
    return best;
  }

  /** Points inside the loop. @returns {number[]} */
  inside() {
    return this.x.map((_, point) => point).filter((point) => within(this.place(point), this.loop));
  }
}

/** Whether a place lies within a polygon: a ray from it crosses the edges an odd number of times. @param {Place} at @param {Place[]} loop */
export function within(at, loop) {
  let odd = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [a, b] = [loop[i], loop[j]];
    if (a.y > at.y !== b.y > at.y && at.x < ((b.x - a.x) * (at.y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
  }
  return odd;
}
