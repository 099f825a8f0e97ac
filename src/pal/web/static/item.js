// The item screen: a label, where it comes from, and every answer behind it. What is said here is one more answer.
// @ts-check

import { newId } from "./api.js";
import { element, face } from "./card.js";
import { chainOf } from "./circle.js";
import { ask, button, itemLink, percent, plural, said, toast, when } from "./screen.js";
import { at } from "./status.js";
import { done } from "./undo.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./pairs.js").Pair} Pair
 * @typedef {{event: string, labeler: string, time: number, reason: string}} Flag
 * @typedef {{item: Tile, group: string, parent: string, anchor: Tile|null, source: string, probability: number,
 *   copies: string[], flags: Flag[], chain: Pair[], pairs: Pair[], me: string}} Item
 */

const WHY = {
  told: "A person compared it with the item that stands for this group, or it is that item.",
  deduced: "It follows from answers about other items.",
  predicted: "Nobody was asked: the model believes it.",
  "": "Nothing is known or believed about it yet.",
};
const PAGES = { page: "a page", check: "a single question", audit: "the random audit", merge: "a merge", split: "a split", import: "an import" };

/** @type {Item|null} */
let item = null;
let since = performance.now();

async function load() {
  const id = location.hash.slice(1);
  item = /^[0-9a-f]{64}$/.test(id) ? await ask(`/api/items/${id}`) : null;
  at("item").hidden = !item;
  at("absent").hidden = Boolean(item);
  if (item) show(item);
}

/** @param {Item} item */
function show(item) {
  since = performance.now();
  at("face").replaceChildren(face(item.item, 768).face);
  at("name").textContent = item.item.name;
  at("copies").textContent = item.copies.length ? `and ${plural(item.copies.length, "exact copy").replace("copys", "copies")}` : "";
  at("label").textContent = item.source ? item.group || "a group without a name" : "none";
  const sure = item.source === "predicted" ? `predicted ${percent(item.probability)}` : item.source;
  at("source").textContent = sure;
  at("source").hidden = !item.source;
  at("source").className = `source-tag ${item.source}`;
  at("why").textContent = WHY[/** @type {keyof typeof WHY} */ (item.source)] + (item.parent ? ` The group lies in ${item.parent}.` : "");
  const other = item.anchor && item.anchor.id !== item.item.id;
  at("group-of").replaceChildren(...(other && item.anchor ? [itemLink(item.anchor, 96)] : []));
  for (const id of ["confirm-label", "not-this"]) at(id).hidden = id === "confirm-label" ? !other : !item.source;
  at("flag-item").hidden = item.flags.length > 0;
  at("chain-panel").hidden = !item.chain.length;
  at("chain").replaceChildren(...chainOf(item.item, item.chain, null));
  const lines = [...item.flags.map(flagLine), ...item.pairs.flatMap((pair) => pair.votes.map((vote) => answerLine(pair, vote)))];
  at("answers").replaceChildren(...lines);
  at("no-answers").hidden = lines.length > 0;
}

/** @param {Flag} flag */
function flagLine(flag) {
  return line(null, [element("span", "verdict", `Flagged as ${flag.reason}`)], `${flag.labeler}, ${when(flag.time)}`, flag, "Take the flag back");
}

/** @param {Pair} pair @param {import("./pairs.js").Vote} vote */
function answerLine(pair, vote) {
  const verdict = element("span", "verdict", { 1: "Same kind as", "-1": "Different from", 0: "Can't tell from" }[vote.relation]);
  verdict.dataset.relation = String(vote.relation);
  const page = PAGES[/** @type {keyof typeof PAGES} */ (vote.page)];
  const others = vote.n_tiles > 1 ? `, with ${plural(vote.n_tiles - 1, "other answer")}` : "";
  return line(pair.b, [verdict, ` ${pair.group_b ? `${pair.b.name} (${pair.group_b})` : pair.b.name}`],
    `${vote.labeler}, ${when(vote.time)}, on ${page}${others}`, vote, vote.n_tiles > 1 ? `Retract all ${vote.n_tiles}` : "Retract");
}

/** @param {Tile|null} other @param {(Node|string)[]} what @param {string} who @param {{event: string, labeler: string}} event @param {string} undo */
function line(other, what, who, event, undo) {
  const made = element("div", "answer");
  made.setAttribute("role", "listitem");
  const words = element("p");
  words.append(...what, element("small", "", who));
  if (other) made.append(itemLink(other, 96));
  made.append(words);
  // Only who said it may take it back; the server holds to that as well.
  if (item && event.labeler === item.me) made.append(button(undo, "text-button", () => retract(event.event)));
  return made;
}

/** @param {string} event */
async function retract(event) {
  const events = [{ kind: "retracted", id: newId(), time: Date.now() / 1000, event }];
  if (!(await ask("/api/events", { events }))) return;
  toast("Taken back. It stays in the log, and no longer counts.");
  await load();
}

async function confirmLabel() {
  if (!item?.anchor || at("confirm-label").hidden) return;
  const answer = said("check", item.anchor.id, item.item.id, 1, (performance.now() - since) / 1000);
  if (!(await ask("/api/events", { events: [answer] }))) return;
  await done("Confirmed: one more answer.", { events: [answer.id] }, load);
}

async function notThis() {
  if (!item || at("not-this").hidden) return;
  const reply = await ask("/api/groups/split", { items: [item.item.id] });
  if (!reply) return;
  await done("It is kept out of that group from now on.", reply, load);
}

async function flagItem() {
  if (!item || at("flag-item").hidden) return;
  const reply = await ask("/api/flag", { item: item.item.id, reason: "unsuitable" });
  if (!reply) return;
  await done("Flagged: not asked about again.", reply, load);
}

/** For administrators: others can be measured by what is surely right. */
async function goldItem() {
  if (!item) return;
  if (await ask("/api/team/gold", { item: item.item.id })) toast("Gold: it comes up among the tiles now and then. The team screen lists it.");
}

/** @type {Record<string, () => Promise<void>>} */
const KEYS = { KeyY: confirmLabel, KeyN: notThis, KeyK: flagItem };

document.getElementById("gold-item")?.addEventListener("click", goldItem);
at("confirm-label").addEventListener("click", confirmLabel);
at("not-this").addEventListener("click", notThis);
at("flag-item").addEventListener("click", flagItem);
addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  KEYS[event.code]?.();
});
addEventListener("hashchange", load);
load();
