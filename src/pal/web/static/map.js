// The map screen: all items in two dimensions, drawn by plotly; a loop around some points makes a page of them.
// @ts-check

import { drawn, element, face } from "./card.js";
import { keep } from "./keep.js";
import { ask, percent, plural, short, toast } from "./screen.js";
import { at } from "./status.js";

/**
 * @typedef {{id: string[], name: string[], text: (string|null)[], x: number[], y: number[], group: number[], source: number[],
 *   confidence: number[], anchors: string[], group_names: string[], n_items: number}} Points
 */

const SOON = 2000; // milliseconds
const ASKED = 500; // the least sure of a larger selection
const SOURCES = ["predicted", "deduced", "told"];
const EDGE = 0.04; // of the width and height, around the points
/** @type {any} */
let Plotly;
const CONFIG = { displayModeBar: false, doubleClick: "reset", responsive: true, scrollZoom: true };
/** @type {Points|null} */
let points = null;
/** @type {string[]} a colour a point */
let colours = [];
/** @type {Set<number>} */
let selected = new Set();
let loops = 0; // drawn so far: plotly forgets one when there is a newer number
let group = -1;

const plot = /** @type {HTMLElement & {on: function(string, function(any): void): void}} */ (at("points"));
const pixel = /** @type {CanvasRenderingContext2D} */ (new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));

/** A colour of the style sheet as it is painted, light or dark, in words that plotly knows. @param {string} colour */
function ink(colour) {
  at("plot").style.color = colour;
  pixel.fillStyle = getComputedStyle(at("plot")).color;
  at("plot").style.color = "";
  pixel.fillRect(0, 0, 1, 1);
  return `rgb(${[...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)].join(", ")})`;
}

// Neighbours in size get hues far apart: each is the golden angle from the last.
const hue = (/** @type {number} */ place) => `light-dark(hsl(${(200 + 137.5 * place) % 360} 62% ${place % 2 ? 38 : 46}%), hsl(${(200 + 137.5 * place) % 360} 68% ${place % 2 ? 62 : 74}%))`;
const groupName = (/** @type {Points} */ of, /** @type {number} */ place) => (place < 0 ? "no group" : of.group_names[place] || "?");
const doubt = (/** @type {number} */ share) => `color-mix(in oklab, var(--odd) ${Math.round(100 * share)}%, var(--deduced))`;

/** Plotly takes a second to start; all else on the screen doesn't wait for it. */
async function plotly() {
  if (!("Plotly" in globalThis)) await new Promise((resolve) => at("plotly").addEventListener("load", resolve, { once: true }));
  ({ Plotly } = /** @type {any} */ (globalThis));
}

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
  colour();
  await plotly();
  draw();
  listen();
}

/** Colour the points and the legend by group or by doubt, and draw. */
function colour() {
  if (!points) return;
  const of = points;
  const by = /** @type {HTMLInputElement} */ (document.querySelector("[name=colour]:checked")).value;
  const known = ink("var(--told)");
  if (by === "group") {
    const hues = of.anchors.map((_, place) => ink(hue(place)));
    const none = ink("var(--soft)");
    colours = of.group.map((place) => hues[place] ?? none);
    at("legend-lead").textContent = "Draw a loop around some points, or take a group:";
    at("legend").replaceChildren(...of.anchors.slice(0, 60).map((_, place) => row(of, place, hues[place])));
  } else {
    const steps = Array.from({ length: 11 }, (_, step) => ink(doubt(step / 10)));
    colours = of.confidence.map((sure, point) => (of.source[point] ? known : steps[Math.round(10 * Math.min(1, Math.max(0, 1 - sure)))]));
    const lines = /** @type {[string, string][]} */ ([["told or deduced", known], ["predicted, sure", steps[0]], ["in doubt", steps[5]], ["a mere guess", steps[10]]]);
    at("legend-lead").textContent = "Draw a loop around some points.";
    at("legend").replaceChildren(...lines.map(([words, colour]) => scale(words, colour)));
  }
  draw();
  showSelection();
}

/** Draw the points as they are coloured and selected; where one looks stays as it is. */
function draw() {
  if (!points || !Plotly) return;
  const { x, y } = points;
  const size = x.length > 3000 ? 5 : 7;
  const trace = {
    x, y, type: "scatter", mode: "markers", cliponaxis: false, hoverinfo: "none",
    marker: { color: colours, size, opacity: 0.85 },
    selectedpoints: selected.size ? [...selected] : null,
    selected: { marker: { opacity: 0.85, size: size + 3 } },
    unselected: { marker: { opacity: 0.22 } },
  };
  const axis = (/** @type {number[]} */ v) => ({ visible: false, range: bounds(v) });
  const line = { color: ink("var(--accent)"), width: 2, dash: "dash" };
  const layout = {
    dragmode: /** @type {HTMLInputElement} */ (document.querySelector("[name=drag]:checked")).value,
    hovermode: "closest", showlegend: false, uirevision: "kept",
    margin: { l: 0, r: 0, t: 0, b: 0 }, // a loop may begin anywhere on the plot
    paper_bgcolor: "rgba(0, 0, 0, 0)", plot_bgcolor: "rgba(0, 0, 0, 0)",
    xaxis: axis(x), yaxis: axis(y), newselection: { line }, selections: [], selectionrevision: ++loops,
  };
  Plotly.react(plot, [trace], layout, CONFIG);
}

/** Least and largest of some numbers, a little apart. @param {number[]} v */
function bounds(v) {
  const [low, high] = v.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
  const edge = EDGE * Math.max(high - low, 1e-9);
  return [low - edge, high + edge];
}

/** @param {Points} of @param {number} place @param {string} colour */
function row(of, place, colour) {
  const made = /** @type {HTMLButtonElement} */ (element("button", "legend-row"));
  made.type = "button";
  const members = of.group.flatMap((own, point) => (own === place ? [point] : []));
  // What a group without a name is, its anchor shows.
  const anchor = of.id.indexOf(of.anchors[place]);
  const named = of.group_names[place] || anchor < 0;
  const words = named || drawn() ? groupName(of, place) : of.text[anchor] ?? of.name[anchor];
  made.append(dot(colour));
  if (anchor >= 0 && drawn()) made.append(face({ id: of.id[anchor], name: of.name[anchor], text: null, cells: [] }, 96).face);
  made.append(element("span", named || drawn() ? "legend-name" : "legend-name unnamed", words), element("small", "", members.length.toLocaleString()));
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
  group = of;
  selected = new Set(chosen);
  draw();
  showSelection();
}

function showSelection() {
  at("map-bar").hidden = !selected.size;
  at("map-words").textContent = `${plural(selected.size, "item")} selected`;
  [...at("legend").querySelectorAll("button")].forEach((made, place) => made.setAttribute("aria-pressed", String(place === group)));
}

async function askAboutThese() {
  if (!points || !selected.size) return;
  const { confidence, id } = points;
  const items = [...selected].sort((a, b) => confidence[a] - confidence[b]).slice(0, ASKED).map((point) => id[point]);
  const reply = await ask("/api/ask", { items });
  if (!reply) return;
  if (reply.done) { toast(reply.done); return; }
  keep(`asked/${reply.page.id}`, reply.page); // the page's screen takes it from there
  location.assign("/");
}

// --- pointer and keys ---------------------------------------------------------------------------------------------

/** Show the item under the pointer. @param {{points: {pointIndex: number}[], event: MouseEvent}} hover */
function peek({ points: [{ pointIndex: point }], event }) {
  if (!points) return;
  const sure = points.source[point] ? SOURCES[points.source[point]] : `predicted ${percent(points.confidence[point])}`;
  at("peek").replaceChildren(
    face({ id: points.id[point], name: points.name[point], text: points.text[point], cells: [] }, 96).face,
    element("p", "", short(points.name[point])), element("p", "", `${groupName(points, points.group[point])}, ${sure}`),
  );
  const { left, top, width, height } = at("plot").getBoundingClientRect();
  at("peek").style.left = `${Math.min(event.clientX - left + 16, width - 144)}px`;
  at("peek").style.top = `${Math.min(event.clientY - top + 16, Math.max(height - 200, 0))}px`;
  at("peek").hidden = false;
}

let listening = false;
function listen() {
  if (listening) return;
  listening = true;
  plot.on("plotly_hover", peek);
  plot.on("plotly_unhover", () => { at("peek").hidden = true; });
  plot.on("plotly_click", (click) => {
    if (/** @type {PointerEvent} */ (click.event).pointerType === "touch") peek(click);
    else if (points) location.assign(`/item#${points.id[click.points[0].pointIndex]}`);
  });
  plot.on("plotly_selected", (loop) => {
    const chosen = (loop?.points ?? []).map((/** @type {{pointIndex: number}} */ point) => point.pointIndex);
    // Once plotly is done with the loop, it is taken away; that comes back as a selection of nothing.
    if (chosen.length) setTimeout(select, 0, chosen);
  });
  plot.on("plotly_doubleclick", () => select([]));
}

/** Look at all, or closer by a factor. @param {number} factor  0: all */
function zoom(factor) {
  if (!points) return;
  const { xaxis, yaxis } = /** @type {any} */ (plot)._fullLayout;
  const closer = (/** @type {number[]} */ [low, high]) => [low + high - (high - low) / factor, low + high + (high - low) / factor].map((end) => end / 2);
  Plotly.relayout(plot, {
    "xaxis.range": factor ? closer(xaxis.range) : bounds(points.x), "yaxis.range": factor ? closer(yaxis.range) : bounds(points.y),
  });
}

at("map-clear").addEventListener("click", () => select([]));
at("map-ask").addEventListener("click", askAboutThese);
addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") select([]);
  else if (event.key === "+") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") zoom(0);
  else if (event.key === "Enter" && !target.closest("button, a, input")) askAboutThese();
});
at("map-all").addEventListener("click", () => zoom(0));
document.querySelectorAll("[name=colour]").forEach((choice) => choice.addEventListener("change", colour));
document.querySelectorAll("[name=drag]").forEach((choice) => choice.addEventListener("change", draw));
new MutationObserver(colour).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
load();
