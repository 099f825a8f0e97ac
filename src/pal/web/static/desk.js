// The desk: the page in front, pages answered before it, pages loaded ahead. Kept at every change, so that a reload or
// a crash brings the same page back with its toggles. No DOM here.
// @ts-check

import { newId } from "./api.js";
import { keep, kept, recall } from "./keep.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").LogEvent} LogEvent */

const PAST = 30;
const LATER = 200; // milliseconds
const STALE = 60 * 60 * 1000;
const now = () => Date.now() / 1000;

/** @param {import("./types.js").Page} page @returns {Entry} */
export const entryOf = (page) => ({
  page, marks: {}, flags: {}, toggles: [], seconds: 0, fetched: Date.now(), answer: null, said: null,
});

/**
 * Mark a tile, or take the mark away if it is there already.
 * @param {Entry} entry @param {string} item @param {import("./types.js").Mark} mark @param {number} seconds
 */
export function toggle(entry, item, mark, seconds) {
  if (entry.marks[item] === mark) delete entry.marks[item];
  else entry.marks[item] = mark;
  entry.toggles.push([item, Math.round(seconds * 1000) / 1000]);
}

/** Selected ↔ not selected; unsure stays unsure. @param {Entry} entry @param {number} seconds */
export function invert(entry, seconds) {
  for (const { id } of entry.page.tiles) if (entry.marks[id] !== "unsure") toggle(entry, id, "selected", seconds);
}

/** +1 alike, −1 unlike, 0 cannot tell, in the order of the tiles. @param {Entry} entry @returns {number[]} */
export function relations(entry) {
  const clicked = entry.page.mode === "same" ? 1 : -1;
  return entry.page.tiles.map(({ id }) => {
    if (entry.flags[id] || entry.marks[id] === "unsure") return 0;
    return entry.marks[id] === "selected" ? clicked : -clicked;
  });
}

/**
 * The events that say what the page says now: none if that was said already, a retraction first if it was otherwise.
 * @param {Entry} entry @param {""|"skipped"|"unclear"} note @returns {LogEvent[]}
 */
export function settle(entry, note) {
  const told = note ? entry.page.tiles.map(() => 0) : relations(entry);
  const said = JSON.stringify([told, note]);
  if (said === entry.said) return [];
  /** @type {LogEvent[]} */
  const events = entry.answer ? [{ kind: "retracted", id: newId(), time: now(), event: entry.answer }] : [];
  entry.answer = newId();
  entry.said = said;
  events.push({
    kind: "answered",
    id: entry.answer,
    time: now(),
    page: entry.page.id,
    template: entry.page.template.id,
    items: entry.page.tiles.map((tile) => tile.id),
    relations: told,
    mode: entry.page.mode,
    seconds: Math.round(entry.seconds * 1000) / 1000,
    toggles: entry.toggles,
    note,
  });
  return events;
}

/** @param {Entry} entry @param {string} item @param {import("./types.js").Reason} reason @returns {LogEvent[]} */
export function flag(entry, item, reason) {
  const flagged = entry.flags[item];
  if (flagged) {
    delete entry.flags[item];
    return [{ kind: "retracted", id: newId(), time: now(), event: flagged.event }];
  }
  const event = newId();
  entry.flags[item] = { event, reason };
  return [{ kind: "flagged", id: event, time: now(), item, reason }];
}

/** @param {string} item @param {string} name @returns {LogEvent[]} */
export const named = (item, name) => [{ kind: "named", id: newId(), time: now(), item, name }];

export class Desk {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    const { current = null, ahead = [] } = recall(`desk/${id}/open`) ?? {};
    // A page nobody touched for an hour has lost its lease: ask for a fresh one instead.
    const fresh = (/** @type {Entry} */ entry) =>
      entry.answer || entry.toggles.length || Date.now() - entry.fetched < STALE;
    const open = [current, ...ahead].filter((entry) => entry && fresh(entry));
    /** @type {Entry[]} */
    this.past = recall(`desk/${id}/past`) ?? [];
    /** @type {Entry|null} */
    this.current = open.shift() ?? null;
    /** @type {Entry[]} */
    this.ahead = open;
    this.saving = 0;
    addEventListener("pagehide", () => keep(`desk/${id}/past`, this.past));
  }

  /** @returns {Entry[]} pages that wait for their first answer */
  get unanswered() {
    const open = this.current ? [this.current, ...this.ahead] : this.ahead;
    return open.filter((entry) => !entry.answer);
  }

  save() {
    keep(`desk/${this.id}/open`, { current: this.current, ahead: this.ahead });
  }

  /** Thirty pages take a while to write: after the paint, and only the last time. */
  savePast() {
    clearTimeout(this.saving);
    this.saving = window.setTimeout(() => keep(`desk/${this.id}/past`, this.past), LATER);
  }

  /** @param {Entry} entry */
  add(entry) {
    if (this.current) this.ahead.push(entry);
    else this.current = entry;
    this.save();
  }

  /** Put a page in front of the one there is. @param {Entry} entry */
  front(entry) {
    if (this.current) this.ahead.unshift(this.current);
    this.current = entry;
    this.save();
  }

  /** Open pages with a template that is called unclear go. @param {string} template @returns {string[]} which */
  putAway(template) {
    const gone = this.ahead.filter((entry) => !entry.answer && entry.page.template.id === template);
    this.ahead = this.ahead.filter((entry) => !gone.includes(entry));
    return gone.map((entry) => entry.page.id);
  }

  next() {
    if (this.current) this.past = [...this.past, this.current].slice(-PAST);
    this.current = this.ahead.shift() ?? null;
    this.save();
    this.savePast();
  }

  /** @returns {boolean} whether there was a page to go back to */
  back() {
    const previous = this.past.pop();
    if (!previous) return false;
    if (this.current) this.ahead.unshift(this.current);
    this.current = previous;
    this.save();
    this.savePast();
    return true;
  }
}

/**
 * Find this tab's desk: the one it had before a reload, else one left behind by a tab that is gone, else a new one.
 * A desk belongs to whoever holds its lock, so two tabs never share one (a duplicated tab copies sessionStorage).
 * @returns {Promise<Desk>}
 */
export async function openDesk() {
  const { project, account } = document.body.dataset;
  const place = `pal/${project}/${account ?? ""}/desk`;
  const mine = sessionStorage.getItem(place);
  let id = mine && (await claim(mine, 1500)) ? mine : null;
  if (!id && navigator.locks) {
    for (const left of new Set(kept("desk/").map((key) => key.split("/")[1]))) {
      if (await claim(left, 0)) { id = left; break; }
    }
  }
  if (!id) {
    id = newId();
    await claim(id, 0);
  }
  sessionStorage.setItem(place, id);
  return new Desk(id);
}

/**
 * Hold a desk's lock until the tab goes.
 * @param {string} id @param {number} patience  milliseconds; a reload overlaps a little with the page it replaces
 * @returns {Promise<boolean>}
 */
function claim(id, patience) {
  if (!navigator.locks) return Promise.resolve(true);
  const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
  return new Promise((resolve) => {
    navigator.locks.request(`pal-desk-${id}`, options, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => resolve(false)); // the patience ran out
  });
}
