// The map screen: all items in two dimensions; a loop around some points makes a page of them.
// @ts-check

import { element, face } from "./card.js";
import { keep } from "./keep.js";
import { Plot } from "./plot.js";
import { ask, percent, plural, toast } from "./screen.js";
import { at } from "./status.js";

/**
 * @typedef {{id: string[], name: string[], text: (string|null)[], x: number[], y: number[], group: number[], source: number[],
 *   confidence: number[], anchors: string[], group_names: string[], n_items: number}} Points
 */

const SOON = 2000; // milliseconds
const ASKED = 500; // the least sure of a larger selection
const SOURCES = ["predicted", "deduced", "told"];
/** @type {Points|null} */
let points = null;
/** @type {Plot|null} */
let plot = null;
let shown = -1;
let group = -1;

/** A colour of the style sheet as the browser computes it, light or dark. @param {string} colour */
function ink(colour) {
  at("plot").style.color = colour;
  const found = getComputedStyle(at("plot")).color;
  at("plot").style.color = "";
  return found;
}

// Neighbours in size get hues far apart: each is the golden angle from the last.
const hue = (/** @type {number} */ place) => `light-dark(hsl(${(200 + 137.5 * place) % 360} 62% ${place % 2 ? 38 : 46}%), hsl(${(200 + 137.5 * place) % 360} 68% ${place % 2 ? 62 : 74}%))`;
const groupName = (/** @type {Points} */ of, /** @type {number} */ place) => (place < 0 ? "no group" : of.group_names[place] || "?");
const doubt = (/** @type {number} */ share) => `color-mix(in oklab, var(--odd) ${Math.round(100 * share)}%, var(--deduced))`;

async function load() {
  points = await ask("/api/map");
  if (!points) return;
  const left = points.n_items - points.id.length;
  at("map-lead").textContent = points.id.length
    ? `${plural(points.id.length, "item")}; what lies close together looks alike to the model.${left ? ` ${left.toLocaleString()} more aren't drawn.` : ""}`
    : "Nothing to draw yet: the map comes with the first model, in a moment.";
  if (!points.id.length) {
    setTimeout(load, SOON);
    return;
  }
  plot = new Plot(/** @type {HTMLCanvasElement} */ (at("points")), points.x, points.y);
  paint();
}

function paint() {
  if (!points || !plot) return;
  const by = /** @type {HTMLInputElement} */ (document.querySelector("[name=colour]:checked")).value;
  const of = points;
  const known = ink("var(--told)");
  if (by === "group") {
    const hues = of.anchors.map((_, place) => ink(hue(place)));
    const none = ink("var(--soft)");
    plot.colours = of.group.map((place) => hues[place] ?? none);
    at("legend").replaceChildren(...of.anchors.slice(0, 60).map((_, place) => row(of, place, hues[place])));
  } else {
    const steps = Array.from({ length: 11 }, (_, step) => ink(doubt(step / 10)));
    plot.colours = of.confidence.map((sure, point) => (of.source[point] ? known : steps[Math.round(10 * Math.min(1, Math.max(0, 1 - sure)))]));
    const lines = /** @type {[string, string][]} */ ([["told or deduced", known], ["predicted, sure", steps[0]], ["in doubt", steps[5]], ["a mere guess", steps[10]]]);
    at("legend").replaceChildren(...lines.map(([words, colour]) => scale(words, colour)));
  }
  plot.accent = ink("var(--accent)");
  plot.draw();
  showSelection();
}

/** @param {Points} of @param {number} place @param {string} colour */
function row(of, place, colour) {
  const made = /** @type {HTMLButtonElement} */ (element("button", "legend-row"));
  made.type = "button";
  const members = of.group.flatMap((own, point) => (own === place ? [point] : []));
  // What a group without a name is, its anchor shows.
  const anchor = of.id.indexOf(of.anchors[place]);
  const drawn = ["image", "audio"].includes(document.body.dataset.kind ?? "");
  const named = of.group_names[place] || anchor < 0;
  const words = named || drawn ? groupName(of, place) : of.text[anchor] ?? of.name[anchor];
  made.append(dot(colour));
  if (anchor >= 0 && drawn) made.append(face({ id: of.id[anchor], name: of.name[anchor], text: null, cells: [] }, 96).face);
  made.append(element("span", named || drawn ? "legend-name" : "legend-name unnamed", words), element("small", "", members.length.toLocaleString()));
  made.setAttribute("aria-label", `Select ${groupName(of, place)}, ${plural(members.length, "item")}`);
  made.setAttribute("aria-pressed", String(group === place));
  made.addEventListener("click", () => {
    group = group === place ? -1 : place;
    select(group < 0 ? [] : members, group);
  });
  return made;
}

/** @param {string} words @param {string} colour */
function scale(words, colour) {
  const made = element("p", "scale");
  made.append(dot(colour), words);
  return made;
}

/** @param {string} colour */
function dot(colour) {
  const made = element("i");
  made.style.background = colour;
  return made;
}

/** @param {number[]} chosen @param {number} [of]  the group they are, if they are one */
function select(chosen, of = -1) {
  if (!plot) return;
  group = of;
  plot.selected = new Set(chosen);
  plot.draw();
  showSelection();
}

function showSelection() {
  const count = plot?.selected.size ?? 0;
  at("map-bar").hidden = !count;
  at("map-words").textContent = `${plural(count, "item")} selected`;
  [...at("legend").querySelectorAll("button")].forEach((made, place) => made.setAttribute("aria-pressed", String(place === group)));
}

async function askAboutThese() {
  if (!points || !plot?.selected.size) return;
  const { confidence, id } = points;
  const items = [...plot.selected].sort((a, b) => confidence[a] - confidence[b]).slice(0, ASKED).map((point) => id[point]);
  const reply = await ask("/api/ask", { items });
  if (!reply) return;
  if (reply.done) { toast(reply.done); return; }
  keep(`asked/${reply.page.id}`, reply.page); // the page's screen takes it from there
  location.assign("/");
}

// --- pointer and keys ---------------------------------------------------------------------------------------------

/** @param {PointerEvent} event */
const placeOf = (event) => ({ x: event.offsetX, y: event.offsetY });

/** @param {PointerEvent} event */
function peek(event) {
  const place = placeOf(event);
  const point = plot?.near(place) ?? -1;
  at("peek").hidden = point < 0;
  if (point < 0 || !points) { shown = -1; return; }
  if (point !== shown) {
    shown = point;
    const sure = points.source[point] ? SOURCES[points.source[point]] : `predicted ${percent(points.confidence[point])}`;
    at("peek").replaceChildren(
      face({ id: points.id[point], name: points.name[point], text: points.text[point], cells: [] }, 96).face,
      element("p", "", points.name[point]), element("p", "", `${groupName(points, points.group[point])}, ${sure}`),
    );
  }
  const { clientWidth: width, clientHeight: height } = at("plot");
  at("peek").style.left = `${Math.min(place.x + 16, width - 144)}px`;
  at("peek").style.top = `${Math.min(place.y + 16, Math.max(height - 200, 0))}px`;
}

const canvas = at("points");
let drawing = false;
canvas.addEventListener("pointerdown", (event) => {
  if (!plot || event.button !== 0) return;
  drawing = true;
  canvas.setPointerCapture(event.pointerId);
  plot.loop = [placeOf(event)];
});
canvas.addEventListener("pointermove", (event) => {
  if (!plot) return;
  if (!drawing) { peek(event); return; }
  at("peek").hidden = true;
  plot.loop.push(placeOf(event));
  plot.draw();
});
canvas.addEventListener("pointerup", (event) => {
  if (!plot || !drawing) return;
  drawing = false;
  const drawn = plot.loop.length > 4;
  const chosen = drawn ? plot.inside() : [];
  plot.loop = [];
  // A click on a point opens its item; a click beside all of them clears.
  const point = drawn ? -1 : plot.near(placeOf(event));
  if (point >= 0 && points && event.pointerType === "mouse") location.assign(`/item#${points.id[point]}`);
  else if (point >= 0) peek(event);
  else select(chosen);
});
canvas.addEventListener("pointercancel", () => { drawing = false; if (plot) { plot.loop = []; plot.draw(); } });
canvas.addEventListener("pointerleave", () => { if (!drawing) at("peek").hidden = true; });

at("map-clear").addEventListener("click", () => select([]));
at("map-ask").addEventListener("click", askAboutThese);
addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") select([]);
  else if (event.key === "Enter" && !target.closest("button, a, input")) askAboutThese();
});
document.querySelectorAll("[name=colour]").forEach((choice) => choice.addEventListener("change", paint));
new ResizeObserver(() => plot?.draw()).observe(at("plot"));
new MutationObserver(paint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
load();
