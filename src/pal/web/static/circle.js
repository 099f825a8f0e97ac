// A chain of answers: pictures joined by what was said between them.
// @ts-check

import { element } from "./card.js";
import { itemLink, plural, when } from "./screen.js";

/** @typedef {import("./pairs.js").Pair} Pair */

/**
 * @param {import("./types.js").Tile} start @param {Pair[]} links  each joins the last item to the next
 * @param {number|null} weakest  which link is the weakest, if any is to be shown
 * @param {Pair} [closing]  the pair called different that closes the circle
 */
export function chainOf(start, links, weakest, closing) {
  /** @type {HTMLElement[]} */
  const made = [itemLink(start, 96)];
  let last = start.id;
  links.forEach((link, position) => {
    const to = link.a.id === last ? link.b : link.a;
    made.push(joint(link, position === weakest ? "link weakest" : "link", "same"), itemLink(to, 96));
    last = to.id;
  });
  if (closing) made.push(joint(closing, weakest === null ? "link unlike weakest" : "link unlike", "different"), itemLink(start, 96));
  return made;
}

/** @param {Pair} pair @param {string} kind @param {string} word */
function joint(pair, kind, word) {
  const net = Math.abs(pair.votes.reduce((sum, vote) => sum + vote.relation, 0));
  const made = element("span", kind, `${word} · ${plural(net, "vote")}`);
  made.title = pair.votes.map((vote) => `${vote.labeler}, ${when(vote.time)}`).join("\n");
  if (kind.includes("weakest")) made.append(element("span", "", "weakest"));
  return made;
}
