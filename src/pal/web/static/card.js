// An item on screen: its picture, its sound, its text, or its name and the row of a table on a card. Names, texts and
// cells only ever through textContent.
// @ts-check

import { thumbnail } from "./api.js";
import { player } from "./sound.js";

/** @param {string} tag @param {string} [kind] @param {string} [text] */
export function element(tag, kind = "", text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  return made;
}

/** Characters of the longest text among items that are shown together. @param {import("./types.js").Tile[]} items */
export const longest = (items) => items.reduce((most, item) => Math.max(most, item.text?.length ?? 0), 0);

/**
 * @param {import("./types.js").Tile} item
 * @param {96|256|768} size
 * @param {number} [most]  characters of the longest text beside it: what is compared is read in one size
 * @returns {{face: HTMLElement, ready: Promise<void>}}  ready once it can be painted without waiting
 */
export function face(item, size, most = longest([item])) {
  if (!drawn()) return { face: words(item, size, most), ready: Promise.resolve() };
  const holder = element("span", "face picture");
  const picture = new Image();
  picture.alt = "";
  picture.draggable = false;
  picture.decoding = "sync"; // decoded ahead below; painting must not wait for another thread
  picture.src = thumbnail(item.id, size);
  holder.append(picture);
  if (size > 96 && kind() === "audio") holder.append(player(item));
  if (size > 96 && kind() === "vector") holder.append(element("span", "card-name", item.name));
  if (size > 256 && item.cells.length) holder.append(table(item, size));
  const ready = picture.decode().then(
    () => holder.classList.toggle("coarse", picture.naturalWidth <= 64),
    () => holder.replaceChildren(words({ ...item, text: item.text ?? "cannot be shown" }, size, most)),
  );
  return { face: holder, ready: ready.then(() => undefined) };
}

/** @param {import("./types.js").Tile} item @param {96|256|768} size @param {number} most */
function words(item, size, most) {
  const card = element("span", `face words${item.text ? " reading" : ""}`);
  card.append(element("span", "card-name", item.name));
  if (item.text) card.append(element("span", `card-text${LENGTHS.find(([upTo]) => most <= upTo)?.[1] ?? ""}`, item.text));
  if (item.cells.length && (size > 256 || !item.text)) card.append(table(item, size));
  return card;
}

/** Characters up to which a text is shown larger than usual. @type {[number, string][]} */
const LENGTHS = [[24, " large"], [60, " medium"]];
const CELLS = { 96: 1, 256: 4, 768: 30 };

/** What else a table says of an item. @param {import("./types.js").Tile} item @param {96|256|768} size */
function table(item, size) {
  const made = element("span", "cells");
  made.setAttribute("role", "list");
  for (const [name, value] of item.cells.slice(0, CELLS[size])) {
    const cell = element("span", "cell");
    cell.setAttribute("role", "listitem");
    cell.append(element("span", "cell-name", name), element("span", "cell-value", value));
    made.append(cell);
  }
  return made;
}

const kind = () => document.body.dataset.kind;
/** Whether items are shown as pictures, and not as words. */
export const drawn = () => document.body.dataset.drawn !== undefined;
