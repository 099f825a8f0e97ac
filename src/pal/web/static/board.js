// The grid of tiles of one page. Built ahead of time with its pictures decoded, so that turning the page is one swap.
// @ts-check

import { element, face, longest } from "./card.js";
import { TILE_CODES, labelOf } from "./layout.js";

/** @typedef {import("./types.js").Entry} Entry */

/**
 * @typedef {object} Board
 * @property {HTMLElement} grid
 * @property {HTMLElement[]} cells       one a tile, in the page's order
 * @property {HTMLElement} template
 * @property {HTMLElement[]} exemplars
 * @property {number} focused            position of the tile that arrows start from
 * @property {Promise<unknown>} ready
 */

/** @type {WeakMap<Entry, Board>} */
const boards = new WeakMap();

/** @param {Entry} entry @returns {Board} */
export function boardOf(entry) {
  const known = boards.get(entry);
  if (known) return known;
  const made = build(entry);
  boards.set(entry, made);
  return made;
}

/** @param {Entry} entry @returns {Board} */
function build(entry) {
  const { tiles, template, exemplars } = entry.page;
  const most = longest([template, ...tiles]);
  /** @type {Promise<void>[]} */
  const waits = [];
  const grid = element("div", "grid");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-multiselectable", "true");
  const cells = tiles.map((tile, position) => {
    const { face: picture, ready } = face(tile, 256, most);
    waits.push(ready);
    return cell(tile, position, picture);
  });
  for (let start = 0; start < cells.length; start += 5) {
    const row = element("div", "row");
    row.setAttribute("role", "row");
    row.append(...cells.slice(start, start + 5));
    grid.append(row);
  }
  const shown = [template, ...exemplars].map((item, position) => {
    const { face: picture, ready } = face(item, position ? 96 : 256, most);
    waits.push(ready);
    picture.dataset.item = item.id;
    picture.title = item.name;
    return picture;
  });
  return { grid, cells, template: shown[0], exemplars: shown.slice(1), focused: 0, ready: Promise.allSettled(waits) };
}

/** @param {import("./types.js").Tile} tile @param {number} position @param {HTMLElement} picture */
function cell(tile, position, picture) {
  const made = element("div", "tile");
  made.setAttribute("role", "gridcell");
  made.dataset.item = tile.id;
  made.dataset.position = String(position);
  made.append(picture, element("span", "badge"));
  if (position < TILE_CODES.length) {
    const key = element("kbd", "", labelOf(TILE_CODES[position]));
    key.dataset.code = TILE_CODES[position];
    key.setAttribute("aria-hidden", "true");
    made.append(key);
  }
  return made;
}

/**
 * Show an entry's marks.
 * @param {Entry} entry @param {Board} board
 */
export function paint(entry, board) {
  const word = entry.page.mode === "same" ? "the same" : "odd";
  entry.page.tiles.forEach((tile, position) => {
    const made = board.cells[position];
    const flagged = entry.flags[tile.id];
    const mark = flagged ? "flagged" : entry.marks[tile.id] ?? "";
    const state = { selected: word, unsure: "unsure", flagged: `flagged as ${flagged?.reason}`, "": "not selected" }[mark];
    set(made, "data-mark", mark);
    set(made, "aria-selected", String(mark === "selected"));
    set(made, "tabindex", position === board.focused ? "0" : "-1");
    set(made, "aria-label", `Tile ${position + 1}, ${tile.name}: ${state}`);
  });
  board.grid.setAttribute("aria-label", entry.page.mode === "same" ? "Pick the same" : "Pick the odd ones out");
}

/** Touch the document only where something changed. @param {HTMLElement} made @param {string} name @param {string} value */
function set(made, name, value) {
  if (made.getAttribute(name) !== value) made.setAttribute(name, value);
}

/** How many tiles stand in one line on screen (fewer on a phone). @param {Board} board */
export function columns(board) {
  const top = board.cells[0]?.offsetTop;
  const line = board.cells.findIndex((made) => made.offsetTop !== top);
  return line < 0 ? board.cells.length : line;
}
