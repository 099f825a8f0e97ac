// The annotation page: the desk in the middle, keys and pointer in front of it, the outbox and the server behind it.
// Nothing here waits for the server before it paints.
// @ts-check

import { Offline, Refused, SignedOut, call } from "./api.js";
import { boardOf, columns, paint } from "./board.js";
import { entryOf, flag, invert, named, openDesk, settle, toggle } from "./desk.js";
import { askName, enlarge, shrink } from "./dialogs.js";
import { bindGuide, openGuide } from "./guide.js";
import { forget, kept, recall } from "./keep.js";
import { bindKeys } from "./keys.js";
import { labelOf, learnLayout } from "./layout.js";
import { Outbox } from "./outbox.js";
import { bindPointer } from "./pointer.js";
import { at, counts, light } from "./status.js";
import { measured } from "./timing.js";

/** @typedef {import("./types.js").Entry} Entry */

const AHEAD = 2;
const RENEW = 20_000;
const TRY_AGAIN = 5_000;
const STALE = 3; // pages in a row with a template that was called unclear
const SAVE = 50; // milliseconds
const UNREAD = 350; // milliseconds in which nobody has looked at a page
const MODES = {
  same: { title: "Pick the same", words: "Select every tile that is the same kind as this one.", picked: "the same", pick: "The same" },
  different: { title: "Pick the odd ones out", words: "Select every tile that is not the same kind as this one.", picked: "odd", pick: "Odd" },
};

// Those who may not name a group aren't shown how.
const mayName = document.getElementById("name-button") !== null;
const desk = await openDesk();
const outbox = new Outbox((state, waiting, words) => {
  const sent = state === "saved" && at("light").dataset.state !== "saved";
  light(state, waiting, words);
  if (desk.current) return;
  if (sent) nothing = ""; // the answer gave its tiles back: they may be all that is left to ask about
  notice(); // where no page is in front, the words there go with the light
  if (sent || state === "refused") loadAhead();
}, counts);

/** @type {import("./types.js").Reason|null} the next tile pressed gets this flag */
let pending = null;
/** @type {(() => void)|null} undoes the last toggle */
let takeBack = null;
/** Why no page came, "" while one may come. */
let nothing = "";
/** Templates called unclear here, and how often in a row one of them came all the same. @type {Set<string>} */
const unclear = new Set();
let stale = 0;
let loading = false;
let more = false; // asked for again while it was loading
let again = 0;
let saving = 0;
let reading = 0;
/** Looking time before the page was last hidden, and since when it is looked at (performance.now). */
let looked = { before: 0, since: performance.now() };

const seconds = () => looked.before + (document.hidden ? 0 : (performance.now() - looked.since) / 1000);

// --- what is in front ---------------------------------------------------------------------------------------------

/** @type {Entry|null} */
let shown = null;

function show() {
  const entry = desk.current;
  at("desk").hidden = !entry;
  at("notice").hidden = Boolean(entry);
  document.body.dataset.mode = entry ? entry.page.mode : "";
  for (const id of ["invert", "unclear", "flag", "skip", "done"]) /** @type {HTMLButtonElement} */ (at(id)).disabled = !entry;
  /** @type {HTMLButtonElement} */ (at("back")).disabled = !desk.past.length;
  setPending(null);
  if (!entry) {
    shown = null;
    notice();
    return;
  }
  const board = boardOf(entry);
  looked = { before: entry.seconds, since: performance.now() };
  const mode = MODES[entry.page.mode];
  at("mode-title").textContent = mode.title;
  at("mode-words").textContent = mode.words;
  at("desk").dataset.mode = entry.page.mode;
  at("help").dataset.mode = entry.page.mode;
  at("template").replaceChildren(board.template);
  at("exemplars").replaceChildren(...board.exemplars);
  at("board").replaceChildren(board.grid);
  showGroup(entry);
  // Template and mode stay for a few pages: say so when they don't.
  flash(at("template"), shown !== null && shown.page.template.id !== entry.page.template.id);
  flash(at("mode-title"), shown !== null && shown.page.mode !== entry.page.mode);
  paint(entry, board);
  countPicked(entry);
  at("announce").textContent = `${entry.answer ? "A page answered before. " : ""}${mode.title}: ${entry.page.group || entry.page.template.name}`;
  shown = entry;
}

/** Where tiles don't fit on the screen, a page begins with what is asked, not where the last one ended. */
function toTop() {
  if (scrollY && at("desk").getBoundingClientRect().top < 0) at("desk").scrollIntoView({ block: "start" });
}

/** @param {HTMLElement} place @param {boolean} changed */
function flash(place, changed) {
  place.classList.remove("changed");
  if (!changed) return;
  void place.offsetWidth; // restarts the animation
  place.classList.add("changed");
}

/** @param {Entry} entry */
function showGroup(entry) {
  at("group-name").textContent = entry.page.group || "not named yet";
  at("group-name").classList.toggle("unnamed", !entry.page.group);
}

/** @param {Entry} entry */
function countPicked(entry) {
  const picked = Object.values(entry.marks).filter((mark) => mark === "selected").length;
  at("done-words").textContent = `${entry.answer ? "Save" : "Done"} · ${picked || "none"} ${MODES[entry.page.mode].picked}`;
}

function notice() {
  const state = at("light").dataset.state;
  const away = state === "offline";
  const waiting = outbox.waiting;
  // What was said before an answer was there doesn't hold; the light stays until the server has it, and says so here.
  const why = waiting || state === "saving" ? "" : nothing;
  at("done-words").textContent = "Done";
  if (state === "signed-out") {
    at("notice-title").textContent = "Please sign in";
    at("notice-words").textContent = at("light").title;
    return;
  }
  at("notice-title").textContent = why ? "No page to show" : away ? "Waiting for the server" : "Getting the next page";
  at("notice-words").textContent = why || (away
    ? `It can't be reached just now; this page looks again every few seconds. ${waiting
      ? `${waiting === 1 ? "One answer is" : `${waiting} answers are`} kept in this browser and sent as soon as it is back.` : ""}`
    : "Pictures are on their way.");
  at("notice-actions").hidden = !why;
}

// --- acts ---------------------------------------------------------------------------------------------------------

/** Keep, paint and measure a change to the page in front. @param {Entry} entry @param {number} [since] */
function changed(entry, since) {
  paint(entry, boardOf(entry));
  countPicked(entry);
  if (since !== undefined) measured("toggle", since);
  entry.seconds = seconds();
  clearTimeout(saving);
  saving = window.setTimeout(() => desk.save(), SAVE); // after the paint; leaving the page saves at once
}

/** @param {number} position @param {import("./keys.js").How} how */
function pressTile(position, how) {
  const entry = desk.current;
  const tile = entry?.page.tiles[position];
  if (shrink() || !entry || !tile) return;
  boardOf(entry).focused = position;
  takeBack = null;
  if (how.alt) return enlarge(tile);
  if (pending || entry.flags[tile.id]) {
    send(flag(entry, tile.id, pending ?? "unsuitable"));
    setPending(null);
  } else {
    const { [tile.id]: before, ...others } = entry.marks;
    takeBack = () => {
      entry.marks = before ? { ...others, [tile.id]: before } : others;
      entry.toggles.pop();
      changed(entry);
    };
    toggle(entry, tile.id, how.shift ? "unsure" : "selected", seconds());
  }
  changed(entry, how.at);
}

/** What a finger enlarged can be marked there: a phone has no Shift. @param {number} position */
function choices(position) {
  const entry = desk.current;
  const id = entry?.page.tiles[position].id;
  if (!entry || !id || entry.flags[id]) return [];
  /** @param {string} words @param {import("./types.js").Mark} mark */
  const choice = (words, mark) => ({
    words, chosen: entry.marks[id] === mark,
    act: () => { shrink(); pressTile(position, { shift: mark === "unsure", alt: false, at: performance.now() }); },
  });
  return [choice(MODES[entry.page.mode].pick, "selected"), choice("Unsure", "unsure")];
}

/** A key that is held toggled its tile on the way down: take that back and enlarge. @param {number} position */
function holdTile(position) {
  const tile = desk.current?.page.tiles[position];
  if (!tile) return;
  takeBack?.();
  takeBack = null;
  enlarge(tile);
}

/** @param {import("./types.js").LogEvent[]} events @returns {boolean} */
function send(events) {
  try {
    if (events.length) outbox.add(events);
    return true;
  } catch (error) {
    say(`This browser has no room to keep an answer (${error}); it was not taken. Free some room and try again.`);
    return false;
  }
}

/** @param {""|"skipped"|"unclear"} note @param {number} [since] */
function finish(note, since) {
  const entry = desk.current;
  if (!entry) return;
  // The second of two presses, or one that comes twice, was not meant for a page nobody has seen.
  if (at("desk").dataset.unread !== undefined && !entry.answer && !entry.toggles.length) return;
  entry.seconds = seconds();
  if (!send(settle(entry, note))) return;
  const template = entry.page.template.id;
  if (note === "unclear") { unclear.add(template); giveBack(desk.putAway(template)); } else unclear.delete(template);
  desk.next();
  if (!desk.current) nothing = "";
  at("desk").dataset.unread = "";
  clearTimeout(reading);
  reading = window.setTimeout(() => delete at("desk").dataset.unread, UNREAD);
  show();
  toTop();
  if (since !== undefined && desk.current) measured("next-page", since);
  if (desk.current || !outbox.waiting) loadAhead(); // else once the answer is there, which holds its tiles until then
}

function back() {
  if (shrink()) return;
  if (desk.current) desk.current.seconds = seconds();
  if (desk.back()) show();
}

function escape() {
  if (shrink()) return;
  if (pending) setPending(null);
  else finish("skipped");
}

/** @param {import("./types.js").Reason|null} reason */
function setPending(reason) {
  pending = reason;
  at("flag").setAttribute("aria-pressed", String(Boolean(reason)));
  document.body.classList.toggle("flagging", Boolean(reason));
  const key = labelOf("KeyK");
  if (!reason) return say("");
  say(reason === "unsuitable"
    ? `Flag as unsuitable: now press a tile. ${key} again: broken. Esc: leave it.`
    : `Flag as broken: now press a tile. ${key} or Esc: leave it.`);
}

/** @param {string} words */
function say(words) {
  at("pending").textContent = words;
  at("pending").hidden = !words;
}

const nextPending = () => setPending(pending === null ? "unsuitable" : pending === "unsuitable" ? "broken" : null);

async function name() {
  const entry = desk.current;
  if (!entry || !mayName) return;
  const { template, group } = entry.page;
  const chosen = await askName("Name this group", group);
  if (!chosen || chosen === group || !send(named(template.id, chosen))) return;
  for (const open of [...desk.past, desk.current, ...desk.ahead]) {
    if (open && open.page.template.id === template.id) open.page.group = chosen;
  }
  desk.save();
  if (desk.current) showGroup(desk.current);
}

/** @param {number} dx @param {number} dy */
function move(dx, dy) {
  const entry = desk.current;
  if (!entry) return;
  const board = boardOf(entry);
  const wide = columns(board);
  const inside = (board.focused % wide) + dx;
  const to = board.focused + dx + dy * wide;
  if (inside >= 0 && inside < wide && to >= 0 && to < board.cells.length) board.focused = to;
  paint(entry, board);
  board.cells[board.focused].focus();
}

// --- pages from the server ----------------------------------------------------------------------------------------

async function loadAhead() {
  if (loading) { more = true; return; }
  loading = true;
  more = false;
  clearTimeout(again);
  try {
    while (desk.unanswered.length < AHEAD + 1) {
      const hold = desk.unanswered.map((entry) => entry.page.id).join(",");
      const reply = await call(`/api/page?hold=${encodeURIComponent(hold)}`);
      counts(reply.progress);
      nothing = reply.done ?? "";
      if (!reply.page) break;
      const entry = entryOf(reply.page);
      await boardOf(entry).ready;
      // Chosen before the server knew, or called unclear while its pictures came; where there is no other template, it
      // comes again.
      if (unclear.has(reply.page.template.id) && stale++ < STALE) {
        await giveBack([reply.page.id]);
        await outbox.flush();
        continue;
      }
      stale = 0;
      const wanted = desk.current === null;
      desk.add(entry);
      if (wanted) show();
    }
    if (nothing) again = window.setTimeout(loadAhead, TRY_AGAIN);
  } catch (error) {
    if (!(error instanceof Offline || error instanceof SignedOut || error instanceof Refused)) throw error;
    light(error instanceof SignedOut ? "signed-out" : "offline", outbox.waiting, error.message);
    again = window.setTimeout(() => { outbox.flush(); loadAhead(); }, TRY_AGAIN);
  } finally {
    loading = false;
    if (more) nothing = ""; // that was said before the last answer was there
    if (!desk.current) notice();
  }
  if (more) loadAhead();
}

/** Tiles of pages that nobody will see may be on others at once. @param {string[]} pages */
async function giveBack(pages) {
  // Where that fails, the leases end by themselves.
  if (pages.length) await call("/api/release", { pages }).catch(() => {});
}

async function renew() {
  const pages = desk.unanswered.map((entry) => entry.page.id);
  if (!pages.length) return;
  // A missed renewal costs nothing but the lease: a late answer counts too. The light tells about the connection.
  await call("/api/renew", { pages }).catch(() => outbox.flush());
}

// --- start --------------------------------------------------------------------------------------------------------

bindKeys({
  tile: pressTile, hold: holdTile, release: shrink, done: (since) => { if (!shrink()) finish("", since); }, back,
  invert: () => { if (desk.current) { invert(desk.current, seconds()); changed(desk.current); } },
  unclear: () => finish("unclear"), flag: nextPending, name, escape, move,
  help: openGuide,
  template: () => { if (!shrink() && desk.current) enlarge(desk.current.page.template); },
  focused: () => (desk.current ? boardOf(desk.current).focused : -1),
});
bindPointer(at("board"), { tile: pressTile, peek: (position, stays) => {
  const tile = desk.current?.page.tiles[position];
  if (tile) enlarge(tile, stays ? choices(position) : []);
}, release: shrink });

/** @type {[string, () => void][]} */
const buttons = [
  ["done", () => finish("", performance.now())], ["back", back], ["skip", () => finish("skipped")],
  ["unclear", () => finish("unclear")], ["flag", nextPending],
  ["invert", () => { if (desk.current) { invert(desk.current, seconds()); changed(desk.current); } }],
  ["help-button", openGuide], ["notice-again", loadAhead],
];
if (mayName) buttons.push(["name-button", name]);
for (const [id, act] of buttons) {
  at(id).addEventListener("click", act);
  // A mouse click must not leave the focus on a button, where Space would press it again.
  at(id).addEventListener("mousedown", (event) => event.preventDefault());
}
for (const place of ["template", "exemplars"]) {
  at(place).addEventListener("click", (event) => {
    const id = /** @type {HTMLElement} */ (event.target).closest("[data-item]")?.getAttribute("data-item");
    const page = desk.current?.page;
    const item = page && [page.template, ...page.exemplars].find((candidate) => candidate.id === id);
    if (item) enlarge(item);
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) looked.before += (performance.now() - looked.since) / 1000;
  else looked.since = performance.now();
});
addEventListener("pagehide", () => {
  if (desk.current) desk.current.seconds = seconds();
  desk.save();
});
addEventListener("online", loadAhead);

bindGuide();

// Pages that the map asked for come first.
for (const key of kept("asked/")) {
  const page = recall(key);
  forget(key);
  if (page) desk.front(entryOf(page));
}

// The pictures of pages from before a reload, then what is missing.
await learnLayout();
desk.ahead.forEach(boardOf);
show();
outbox.flush();
call("/api/progress").then(counts, () => {}); // without an answer the light says so
loadAhead();
renew();
setInterval(renew, RENEW);
