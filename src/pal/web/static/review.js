// The review screen: five queues of questions, one in front. A contradiction shows its circle of answers first.
// @ts-check

import { element } from "./card.js";
import { chainOf } from "./circle.js";
import { Asking } from "./pairs.js";
import { ask, percent, when } from "./screen.js";
import { at } from "./status.js";

/**
 * @typedef {import("./pairs.js").Pair} Pair
 * @typedef {{pair: Pair, chain: Pair[], weakest: number|null}} Contradiction
 * @typedef {"contradictions"|"disagreements"|"doubtful"|"untold"|"audit"} Queue
 * @typedef {Pair & {of?: Contradiction, queue?: Queue}} Question
 */

/** @type {Queue[]} */
const QUEUES = ["contradictions", "disagreements", "doubtful", "untold", "audit"];
const WORDS = {
  contradictions: "Answers that can't all be right: two items called different that a chain of “same” joins. The weakest link is asked again.",
  disagreements: "Pairs with votes both ways, less than two apart.",
  doubtful: "Items the model is least sure of, each beside the item that stands for its predicted group.",
  untold: "Items that people could not tell, which no page shows any more, each beside the item that stands for its predicted group.",
  audit: "Predicted items drawn at random, each beside the item that stands for its group. Only these say how accurate the predictions are: answer every one that comes, also the easy ones. What is found different is asked about once more, beside another one of the group.",
};
const EMPTY = {
  contradictions: "No contradictions: all answers fit together.",
  disagreements: "No disagreements.",
  doubtful: "Nothing is in doubt: no label is only predicted.",
  untold: "Nothing of the kind: whatever is shown can be told.",
  audit: "Nothing to audit: no label is only predicted, or all that are have been audited.",
};

/** @type {Record<Queue, Question[]>} */
let queues = { contradictions: [], disagreements: [], doubtful: [], untold: [], audit: [] };
/** @type {Set<string>} pairs that somebody couldn't tell: not asked again before a reload */
const passed = new Set();
/** @type {Set<string>} items that the audit found different: shown once more beside another one of the group */
const denied = new Set();
const key = (/** @type {Pair} */ pair) => `${pair.a.id} ${pair.b.id}`;

/** @returns {Queue} */
function wanted() {
  const name = /** @type {Queue} */ (location.hash.slice(1));
  return QUEUES.includes(name) ? name : QUEUES.find((queue) => queues[queue].length) ?? "contradictions";
}

/** @param {Queue} queue @param {Pair} pair */
function wordsOf(queue, pair) {
  if (queue === "contradictions") return "Look again: are these two the same kind?";
  if (queue === "disagreements") return `Are these two the same kind? ${tally(pair)}`;
  if (queue === "doubtful" || queue === "untold") return `Is the second one the same kind as the first? The model says so with ${percent(pair.probability ?? 0)}.`;
  return `${denied.has(pair.b.id) ? "Beside another one of that group: is" : "Is"} the second one the same kind as the first?`;
}

/** @param {Pair} pair */
function tally(pair) {
  const alike = pair.votes.filter((vote) => vote.relation > 0).length;
  const unlike = pair.votes.filter((vote) => vote.relation < 0).length;
  const say = (/** @type {number} */ n) => `${n} ${n === 1 ? "says" : "say"}`;
  return `${say(alike)} same, ${say(unlike)} different.`;
}

// Answers change what else is worth a look: contradictions are asked for anew after each, the audit after each "different".
const asking = {
  check: new Asking(at("ask"), "check", { words: (pair) => wordsOf(wanted(), pair), done: () => load(), changed: tell, back: again }),
  audit: new Asking(at("ask"), "audit", { words: (pair) => wordsOf("audit", pair), done: () => load(), changed: tell, back: again }),
};

/** An answer was taken back: its question is in front again. @param {Question} pair */
async function again(pair) {
  passed.delete(key(pair));
  denied.delete(pair.b.id);
  await load(pair);
}

/**
 * @param {Question|undefined} front @param {Question|null} answered @param {number} relation
 * @returns {Promise<boolean>|false}  whether everything was loaded anew
 */
function tell(front, answered, relation) {
  if (answered && !relation) passed.add(key(answered));
  const queue = wanted();
  if (answered && queue === "audit" && relation < 0) denied.add(answered.b.id);
  if (answered && (queue === "contradictions" || (queue === "audit" && relation < 0))) return load();
  count(queue);
  at("story").replaceChildren(...(front ? story(queue, front) : []));
  return false;
}

/** @param {Queue} queue @param {Question} pair */
function story(queue, pair) {
  if (queue === "disagreements") return [votes(pair)];
  if (!pair.of) return [];
  const { pair: unlike, chain, weakest } = pair.of;
  const made = element("div", "chain");
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", "The circle of answers");
  made.append(...chainOf(unlike.a, chain, weakest, unlike));
  return [made];
}

/** @param {Pair} pair */
function votes(pair) {
  const list = element("ul", "votes");
  for (const { labeler, relation, time } of pair.votes) {
    list.append(element("li", "", `${labeler}: ${relation > 0 ? "same" : "different"}, ${when(time)}`));
  }
  return list;
}

/** @param {Queue} queue */
function count(queue) {
  const place = /** @type {HTMLElement} */ (at(`tab-${queue}`).querySelector("b"));
  const more = queues[queue].length >= 40 ? "+" : "";
  place.textContent = `${queues[queue].length}${more}`;
}

function show() {
  const queue = wanted();
  for (const name of QUEUES) {
    const tab = at(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === queue));
    tab.tabIndex = name === queue ? 0 : -1;
    count(name);
  }
  at("panel").setAttribute("aria-labelledby", `tab-${queue}`);
  at("words").textContent = WORDS[queue];
  at("nothing").hidden = queues[queue].length > 0;
  at("nothing").textContent = EMPTY[queue];
  at("story").replaceChildren();
  const asks = asking[queue === "audit" ? "audit" : "check"];
  if (queues[queue].length) asks.start(queues[queue]);
  else at("ask").replaceChildren(...asks.wayBack());
}

/** @param {Question} [first]  what to ask first of all @returns {Promise<boolean>}  whether it came */
async function load(first) {
  const reply = await ask("/api/review");
  if (!reply) return false;
  const open = (/** @type {Question[]} */ pairs) => pairs.filter((pair) => !passed.has(key(pair)));
  queues = {
    contradictions: open(reply.contradictions.map((/** @type {Contradiction} */ one) =>
      ({ ...(one.weakest === null ? one.pair : one.chain[one.weakest]), of: one }))),
    disagreements: open(reply.disagreements),
    doubtful: open(reply.doubtful),
    untold: open(reply.untold),
    audit: open(reply.audit),
  };
  for (const queue of QUEUES) for (const pair of queues[queue]) pair.queue = queue;
  if (first?.queue) {
    queues[first.queue] = [first, ...queues[first.queue].filter((pair) => key(pair) !== key(first))];
    if (first.queue !== wanted()) { location.hash = first.queue; return true; } // which shows it
  }
  show();
  return true;
}

at("tabs").addEventListener("click", (event) => {
  const tab = /** @type {HTMLElement} */ (event.target).closest("[role=tab]");
  if (tab) location.hash = tab.id.replace("tab-", "");
});
at("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const to = QUEUES[(QUEUES.indexOf(wanted()) + step + QUEUES.length) % QUEUES.length];
  location.hash = to;
  at(`tab-${to}`).focus();
});
addEventListener("hashchange", show);
load();
