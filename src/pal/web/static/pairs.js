// One question at a time about two items: are they the same kind? Yes, no or can't tell; by click or by Y, N, U.
// @ts-check

import { element, face, longest } from "./card.js";
import { ask, button, said, short } from "./screen.js";
import { remember, takeBack } from "./undo.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {{event: string, labeler: string, time: number, relation: number, page: string, n_tiles: number}} Vote
 * @typedef {{a: Tile, b: Tile, group_a: string, group_b: string, probability: number|null, votes: Vote[]}} Pair
 */

const ANSWERS = /** @type {const} */ ([["Same kind", 1, "Y"], ["Different", -1, "N"], ["Can't tell", 0, "U"]]);
/** @type {Record<string, -1|0|1>} */
const KEYS = { KeyY: 1, KeyN: -1, KeyU: 0 };

/** @type {Asking|null} the question that keys answer */
let front = null;

/** A queue of pairs in a place of the screen. */
export class Asking {
  /**
   * @param {HTMLElement} place
   * @param {"check"|"audit"} page  what the log says of these answers
   * @param {object} how
   * @param {(pair: Pair) => string} how.words
   * @param {(answered: number) => void} how.done  the queue is at its end
   * @param {(pair: Pair) => void} how.back  its answer was taken back: it belongs in front again
   * @param {(front: Pair|undefined, answered: Pair|null, relation: number) => Promise<boolean>|false} [how.changed]
   *   whether another queue was started instead of this one
   */
  constructor(place, page, how) {
    this.place = place;
    this.page = page;
    this.how = how;
    /** @type {Pair[]} */
    this.pairs = [];
    this.answered = 0;
    /** @type {import("./undo.js").Act[]} answers that can be taken back */
    this.past = [];
    this.busy = false;
    place.addEventListener("focusin", () => { front = this; });
  }

  /** @param {Pair[]} pairs */
  start(pairs) {
    this.pairs = pairs;
    this.answered = 0;
    front = this;
    this.show();
    this.how.changed?.(this.pairs[0], null, 0);
  }

  show() {
    const pair = this.pairs[0];
    if (!pair) {
      this.place.replaceChildren(...this.wayBack());
      if (front === this) front = null;
      this.how.done(this.answered);
      return;
    }
    const card = element("div", "asking");
    const two = element("div", "two");
    for (const [item, group] of /** @type {[Tile, string][]} */ ([[pair.a, pair.group_a], [pair.b, pair.group_b]])) {
      const side = element("figure", "side");
      const caption = element("figcaption", group ? "" : "unnamed", group || short(item.name));
      caption.title = item.name;
      side.append(face(item, 256, longest([pair.a, pair.b])).face, caption);
      two.append(side);
    }
    const acts = element("div", "asking-acts");
    acts.setAttribute("role", "group");
    acts.setAttribute("aria-label", "Are these two the same kind?");
    for (const [words, relation, key] of ANSWERS) {
      const made = button(words, relation ? "button" : "button quiet", () => this.answer(relation));
      made.dataset.relation = String(relation);
      made.append(element("kbd", "", key));
      acts.append(made);
    }
    const words = element("p", "asking-words", this.how.words(pair));
    words.setAttribute("role", "status");
    const left = element("div", "left");
    left.append(...this.wayBack(), element("span", "", this.pairs.length > 1 ? `${this.pairs.length - 1} more after this one` : ""));
    card.append(words, two, acts, left);
    this.place.replaceChildren(card);
    this.since = performance.now();
    // The pictures of the next pair are here before it is its turn.
    if (this.pairs[1]) for (const item of [this.pairs[1].a, this.pairs[1].b]) face(item, 256);
  }

  /** The button that takes the last answer back, if there is one. */
  wayBack() {
    const last = this.past.at(-1);
    if (!last) return [];
    const made = button("Back", "button quiet", () => takeBack(last));
    made.title = "Take the last answer back, and give another";
    made.append(element("kbd", "", "⌫"));
    return [made];
  }

  /** @param {-1|0|1} relation */
  async answer(relation) {
    const pair = this.pairs[0];
    if (!pair || this.busy) return;
    this.busy = true;
    const seconds = (performance.now() - (this.since ?? 0)) / 1000;
    const event = said(this.page, pair.a.id, pair.b.id, relation, seconds);
    const reply = await ask("/api/events", { events: [event] });
    if (!reply) { this.busy = false; return; }
    const act = remember([event.id], () => {
      this.past = this.past.filter((other) => other !== act);
      this.how.back(pair);
    });
    this.past.push(act);
    this.pairs.shift();
    this.answered += 1;
    const inside = this.place.contains(document.activeElement);
    // No key may meet a question that is about to be replaced.
    if (!(await this.how.changed?.(this.pairs[0], pair, relation))) this.show();
    this.busy = false;
    if (inside) /** @type {HTMLElement|null} */ (this.place.querySelector(`[data-relation="${relation}"]`))?.focus();
  }
}

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!front || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!(event.code in KEYS) || document.querySelector("dialog[open]") || target.closest("input, textarea, select")) return;
  event.preventDefault();
  front.answer(KEYS[event.code]);
});
