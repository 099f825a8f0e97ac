// An item on screen: its picture, its text, or its name on a card. Names and texts only ever through textContent.
// @ts-check

import { thumbnail } from "./api.js";

/** @param {string} tag @param {string} [kind] @param {string} [text] */
export function element(tag, kind = "", text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  return made;
}

/**
 * @param {import("./types.js").Tile} item
 * @param {96|256|768} size
 * @returns {{face: HTMLElement, ready: Promise<void>}}  ready once it can be painted without waiting
 */
export function face(item, size) {
  if (!pictures()) return { face: words(item), ready: Promise.resolve() };
  const holder = element("span", "face picture");
  const picture = new Image();
  picture.alt = "";
  picture.draggable = false;
  picture.decoding = "sync"; // decoded ahead below; painting must not wait for another thread
  picture.src = thumbnail(item.id, size);
  holder.append(picture);
  const ready = picture.decode().then(
    () => holder.classList.toggle("coarse", picture.naturalWidth <= 64),
    () => holder.replaceChildren(words({ ...item, text: item.text ?? "cannot be shown" })),
  );
  return { face: holder, ready: ready.then(() => undefined) };
}

/** @param {import("./types.js").Tile} item */
function words(item) {
  const card = element("span", "face words");
  card.append(element("span", "card-name", item.name));
  if (item.text) card.append(element("span", "card-text", item.text));
  return card;
}

const pictures = () => document.body.dataset.kind === "image";
