// The groups screen: cards, and one group opened. Corrections are answers; nothing here edits a label.
// @ts-check

import { drawn, element, face, longest } from "./card.js";
import { askName, confirmed } from "./dialogs.js";
import { Asking } from "./pairs.js";
import { ask, button, percent, plural, when } from "./screen.js";
import { at } from "./status.js";
import { done } from "./undo.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {{anchor: string, name: string, told: number, deduced: number, predicted: number, exemplars: Tile[], parent: string}} Group
 * @typedef {Tile & {source: "told"|"deduced"|"predicted", probability: number}} Member
 */

const CHUNK = 120;
const SOON = 2000; // milliseconds
const WHOLE = "The larger group that this one is a part of, like “animals” of “dogs”.";

/** @type {Group[]} */
let groups = [];
/** @type {Set<string>} anchors selected for a merge, in the order of selection */
const chosen = new Set();
/** @type {Set<string>} members selected for a split */
const picked = new Set();
/** @type {Member[]} */
let members = [];
/** @type {Group|null} */
let opened = null;

const same = new Asking(at("same-ask"), "check", {
  words: (pair) => `Are these groups one kind? The model thinks so with ${percent(pair.probability ?? 0)}.`,
  done: (answered) => { at("same").hidden = true; if (answered) load(); },
  back: (pair) => {
    at("same").hidden = false;
    same.start([pair, ...same.pairs]);
    load();
  },
});

const title = (/** @type {Group} */ group) => group.name || "?";
const size = (/** @type {Group} */ group) => group.told + group.deduced + group.predicted;

// --- all groups ---------------------------------------------------------------------------------------------------

async function load() {
  const reply = await ask("/api/groups");
  if (!reply) return;
  groups = reply.groups;
  for (const anchor of [...chosen]) if (!groups.some((group) => group.anchor === anchor)) chosen.delete(anchor);
  const { n_items: items, told, deduced, predicted } = reply.progress;
  const named = groups.filter((group) => group.name).length;
  at("groups-lead").textContent = groups.length
    ? `${plural(groups.length, "group")}, ${named} named, over ${plural(items, "item")}: ${told.toLocaleString()} told, ${deduced.toLocaleString()} deduced, ${predicted.toLocaleString()} predicted. Select two to merge them; open one to rename or split it.`
    : "No groups yet: they come with the first model, in a moment.";
  if (!groups.length) setTimeout(load, SOON);
  at("cards").replaceChildren(...groups.map(card));
  showMerge();
  route();
  if (at("same").hidden) lookForSame();
}

/** @param {Group} group */
function card(group) {
  const made = element("div", "card");
  made.setAttribute("role", "listitem");
  made.dataset.anchor = group.anchor;
  made.classList.toggle("chosen", chosen.has(group.anchor));

  const head = element("div", "card-head");
  const name = /** @type {HTMLAnchorElement} */ (element("a", group.name ? "card-title" : "card-title unnamed", title(group)));
  name.href = `#${group.anchor}`;
  name.setAttribute("aria-label", `Open ${group.name || "group without a name"}, ${plural(size(group), "item")}`);
  const rename = button(group.name ? "Rename" : "Name", "text-button", () => renameGroup(group));
  rename.setAttribute("aria-label", group.name ? `Rename ${group.name}` : "Name the group without a name");
  head.append(name, rename);
  const place = button(group.parent ? `in ${group.parent}` : "Parent", "text-button parent", () => placeGroup(group));
  place.setAttribute("aria-label", `${group.parent ? `Change the parent ${group.parent}` : "Set a parent"} of ${group.name || "group without a name"}`);
  place.title = WHOLE;
  if (group.parent) place.classList.add("placed");

  const pictures = element("a", "card-pictures");
  /** @type {HTMLAnchorElement} */ (pictures).href = `#${group.anchor}`;
  pictures.tabIndex = -1;
  pictures.setAttribute("aria-hidden", "true");
  const read = !drawn();
  pictures.classList.toggle("read", read);
  pictures.append(...group.exemplars.slice(0, read ? 3 : 5).map((item) => (read ? oneLine(item) : face(item, 96).face)));

  const label = element("label", "choose");
  const box = /** @type {HTMLInputElement} */ (element("input"));
  box.type = "checkbox";
  box.checked = chosen.has(group.anchor);
  box.setAttribute("aria-label", `Select ${group.name || "group without a name"} for a merge`);
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(group.anchor);
    else chosen.delete(group.anchor);
    made.classList.toggle("chosen", box.checked);
    showMerge();
  });
  label.title = "Select for a merge";
  label.append(box);
  head.prepend(label);
  const foot = element("div", "card-foot");
  foot.append(sources(group), place);
  made.append(head, pictures, bar(group), foot);
  return made;
}

/** A text, or a row of a table, as far as a line goes. @param {Tile} item */
const oneLine = (item) => element("span", "card-line", item.text ?? [item.name, ...item.cells.map(([name, value]) => `${name} ${value}`)].join(" · "));

/** @param {Group} group */
function sources(group) {
  const list = element("p", "sources");
  for (const part of /** @type {const} */ (["told", "deduced", "predicted"])) {
    const span = element("span", part);
    span.append(element("b", "", group[part].toLocaleString()), ` ${part}`);
    list.append(span);
  }
  return list;
}

/** @param {Group} group */
function bar(group) {
  const made = element("div", "meter");
  made.setAttribute("aria-hidden", "true");
  for (const part of /** @type {const} */ (["told", "deduced", "predicted"])) {
    const piece = element("i");
    piece.dataset.part = part;
    piece.style.width = `${(100 * group[part]) / Math.max(size(group), 1)}%`;
    made.append(piece);
  }
  return made;
}

function showMerge() {
  const names = groups.filter((group) => chosen.has(group.anchor)).map(title);
  at("merge-bar").hidden = !chosen.size || opened !== null;
  at("merge-words").textContent = chosen.size === 2
    ? `“${names[0]}” and “${names[1]}” would become one kind.`
    : chosen.size === 1 ? `“${names[0]}” selected; select one more to merge.` : `${chosen.size} selected; merge two at a time.`;
  /** @type {HTMLButtonElement} */ (at("merge")).disabled = chosen.size !== 2;
}

async function merge() {
  const [a, b] = chosen;
  const speaks = await ask(`/api/groups/against?a=${a}&b=${b}`);
  if (!speaks || (speaks.count && !(await confirmed("Answers that speak against it", againstWords(speaks))))) return;
  const reply = await ask("/api/groups/merge", { a, b });
  if (!reply) return;
  chosen.clear();
  await done("Merged: one more answer in the log.", reply, load);
}

/** @param {{pairs: import("./pairs.js").Pair[], count: number}} speaks */
function againstWords(speaks) {
  const list = element("ul", "against");
  for (const { a, b, votes } of speaks.pairs) {
    const line = element("li");
    const last = votes.findLast((vote) => vote.relation < 0);
    line.append(face(a, 96).face, face(b, 96).face, element("span", "", last ? `different, said ${last.labeler}, ${when(last.time)}` : "different"));
    list.append(line);
  }
  const more = speaks.count - speaks.pairs.length;
  const words = element("p", "", `${plural(speaks.count, "pair")} across the two ${speaks.count === 1 ? "was" : "were"} called different${more ? `; ${more} not shown` : ""}. A merge adds one answer and takes none back: these become contradictions, on the Review screen.`);
  return [words, list];
}

/** @param {Group} group */
async function placeGroup(group) {
  const parents = [...new Set(groups.map((other) => other.parent).filter(Boolean))];
  const parent = await askName(`Parent of ${group.name || "this group"}`, group.parent, { optional: true, known: parents, hint: WHOLE });
  if (parent === null || parent === group.parent) return;
  const reply = await ask("/api/groups/place", { anchor: group.anchor, parent });
  if (!reply) return;
  await done(parent ? `Put under “${parent}”.` : "Taken out of its parent.", reply, load);
}

async function lookForSame() {
  const reply = await ask("/api/groups/same");
  if (!reply || !reply.pairs.length || opened) return;
  at("same").hidden = false;
  same.start(reply.pairs);
}

/** @param {Group} group */
async function renameGroup(group) {
  const name = await askName(group.name ? "Rename this group" : "Name this group", group.name);
  if (!name || name === group.name) return;
  const reply = await ask("/api/groups/rename", { anchor: group.anchor, name });
  if (!reply) return;
  // Two groups with one name are one kind, most likely: they are put forward for a merge.
  const twin = groups.find((other) => other.anchor !== group.anchor && other.name === name);
  if (twin && !opened) for (const { anchor } of [twin, group]) chosen.add(anchor);
  await done(`Named “${name}”${twin ? ", as another group is: merge them if they are one kind" : ""}.`, reply, load);
}

// --- one group ----------------------------------------------------------------------------------------------------

async function route() {
  const anchor = location.hash.slice(1);
  const before = opened?.anchor;
  opened = groups.find((group) => group.anchor === anchor) ?? null;
  at("overview").hidden = opened !== null;
  at("detail").hidden = opened === null;
  showMerge();
  if (before !== opened?.anchor) picked.clear();
  showSplit();
  if (!opened) return;
  at("detail-title").textContent = title(opened);
  const reply = await ask(`/api/groups/${opened.anchor}/members`);
  if (!reply || opened.anchor !== anchor) return;
  members = reply.members;
  at("detail-lead").textContent = `${plural(members.length, "item")}: ${opened.told} told, ${opened.deduced} deduced, ${opened.predicted} predicted. Select those that are another kind and move them; the rest stays.`;
  at("members").replaceChildren();
  showMembers();
}

function showMembers() {
  const from = at("members").childElementCount;
  const most = longest(members);
  at("members").append(...members.slice(from, from + CHUNK).map((member) => memberTile(member, most)));
  const left = members.length - at("members").childElementCount;
  at("members-more").hidden = left <= 0;
  at("members-more").textContent = `Show more (${left.toLocaleString()} left)`;
  const first = at("members").firstElementChild;
  if (first instanceof HTMLElement && !at("members").querySelector('[tabindex="0"]')) first.tabIndex = 0;
}

/** @param {Member} member @param {number} most  characters of the longest text beside it */
function memberTile(member, most) {
  const made = element("div", `member ${member.source}`);
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", String(picked.has(member.id)));
  const sure = member.source === "predicted" ? `predicted ${Math.round(100 * member.probability)} %` : member.source;
  made.setAttribute("aria-label", `${member.name}, ${sure}`);
  made.title = member.name;
  made.tabIndex = -1;
  made.dataset.item = member.id;
  const { face: picture } = face(member, 96, most);
  made.append(picture, element("span", "badge"), element("span", "source", sure));
  return made;
}

/** @param {HTMLElement} made */
function pick(made) {
  const item = made.dataset.item ?? "";
  if (picked.has(item)) picked.delete(item);
  else picked.add(item);
  made.setAttribute("aria-selected", String(picked.has(item)));
  showSplit();
}

function showSplit() {
  at("split-bar").hidden = !opened || !picked.size;
  const [only] = picked;
  at("split-item").hidden = picked.size !== 1;
  /** @type {HTMLAnchorElement} */ (at("split-item")).href = `/item#${only}`;
  at("split-words").textContent = `${plural(picked.size, "item")} selected; ${Math.max(members.length - picked.size, 0)} stay.`;
  /** @type {HTMLButtonElement} */ (at("split")).disabled = picked.size === members.length;
}

async function split() {
  const name = await askName("Name of the new group", "", { optional: true, hint: "It can also be named later." });
  if (name === null || !opened) return;
  const moved = picked.size;
  const reply = await ask("/api/groups/split", { items: [...picked], name });
  if (!reply) return;
  picked.clear();
  location.hash = "";
  await done(`${plural(moved, "item")} moved to ${name ? `“${name}”` : "a group of their own"}.`, reply, load);
}

async function flagPicked() {
  /** @type {string[]} */
  const events = [];
  for (const item of [...picked]) {
    const reply = await ask("/api/flag", { item, reason: "unsuitable" });
    if (!reply) break;
    events.push(...reply.events);
    picked.delete(item);
  }
  if (!events.length) return;
  await done(`${plural(events.length, "item")} flagged: not asked about again.`, { events }, load);
}

function clearPicked() {
  picked.clear();
  at("members").querySelectorAll("[aria-selected]").forEach((made) => made.setAttribute("aria-selected", "false"));
  showSplit();
}

// --- start --------------------------------------------------------------------------------------------------------

at("merge").addEventListener("click", merge);
at("merge-clear").addEventListener("click", () => { chosen.clear(); at("cards").replaceChildren(...groups.map(card)); showMerge(); });
at("same-close").addEventListener("click", () => { at("same").hidden = true; same.pairs = []; });
at("split").addEventListener("click", split);
at("split-flag").addEventListener("click", flagPicked);
at("split-clear").addEventListener("click", clearPicked);
at("members-more").addEventListener("click", showMembers);
at("detail-rename").addEventListener("click", () => { if (opened) renameGroup(opened); });
at("members").addEventListener("click", (event) => {
  const made = /** @type {HTMLElement} */ (event.target).closest(".member");
  if (made instanceof HTMLElement) pick(made);
});
at("members").addEventListener("keydown", (event) => {
  const made = /** @type {HTMLElement} */ (event.target).closest(".member");
  if (!(made instanceof HTMLElement)) return;
  const all = /** @type {HTMLElement[]} */ ([...at("members").children]);
  const wide = all.findIndex((other) => other.offsetTop !== all[0].offsetTop);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -(wide < 0 ? all.length : wide), ArrowDown: wide < 0 ? all.length : wide };
  if (event.key === " " || event.key === "Enter") pick(made);
  else if (event.key in steps) {
    const to = all[all.indexOf(made) + steps[/** @type {keyof typeof steps} */ (event.key)]];
    if (to) { made.tabIndex = -1; to.tabIndex = 0; to.focus(); }
  } else return;
  event.preventDefault();
});
addEventListener("hashchange", route);
load();
