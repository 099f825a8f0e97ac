// The progress screen: labels by source, audited accuracy, what is left, and the people.
// @ts-check

import { element } from "./card.js";
import { keep, recall } from "./keep.js";
import { ask, percent, plural } from "./screen.js";
import { at } from "./status.js";

/**
 * @typedef {{right: number, asked: number, unsure: number, low: number, high: number}} Audit
 * @typedef {{labeler: string, pages: number, answers: number, unsure: number, seconds: number, agreement: number|null, compared: number,
 *   gold: number|null, gold_asked: number, sensitivity: number|null, specificity: number|null}} Somebody
 * @typedef {{n_items: number, told: number, deduced: number, predicted: number, flagged: number, audit: Audit, low: number,
 *   high: number, target: number, to_audit: number, verdict: "reached"|"missed"|"open", people: Somebody[], me: string,
 *   alpha: number|null, judged: number,
 *   left: {pages: number, minutes: number, seconds: number, own: boolean, audited: boolean}}} Report
 */

const tenth = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
const own = "target"; // this person's, where they chose one
const choice = /** @type {HTMLSelectElement} */ (at("target"));

async function load() {
  const target = recall(own);
  /** @type {Report|null} */
  const report = await ask(`/api/report${target ? `?target=${target}` : ""}`);
  if (!report) return;
  aim(report.target);
  labels(report);
  accuracy(report);
  left(report);
  agreement(report);
  at("people").replaceChildren(...report.people.map((one) => person(one, report.me)));
  at("people-table").hidden = !report.people.length;
  at("people-none").hidden = report.people.length > 0;
}

/** Show the target: one's own, or the project's, which may be any. @param {number} target */
function aim(target) {
  if (![...choice.options].some((option) => option.value === String(target))) {
    const other = /** @type {HTMLOptionElement} */ (element("option", "", percent(target)));
    other.value = String(target);
    choice.prepend(other);
  }
  choice.value = String(target);
}

/** @param {Report} report */
function agreement({ alpha, judged }) {
  at("alpha").hidden = alpha === null;
  if (alpha === null) return;
  at("alpha").textContent = `Krippendorff's alpha is ${alpha.toFixed(2)} on the ${plural(judged, "pair")} that two or more judged: 1 where all agree, 0 where they agree as often as by chance.`;
}

/** @param {Report} report */
function labels(report) {
  at("labels").replaceChildren();
  for (const part of /** @type {const} */ (["told", "deduced", "predicted"])) {
    const bar = /** @type {HTMLElement} */ (at("meter").querySelector(`[data-part="${part}"]`));
    bar.style.width = `${(100 * report[part]) / Math.max(report.n_items, 1)}%`;
    at("labels").append(figure(report[part], part, part));
  }
  if (report.flagged) at("labels").append(figure(report.flagged, "flagged", ""));
  at("labels").append(figure(report.n_items, "items", ""));
  at("meter").setAttribute("aria-label", `Of ${report.n_items} items ${report.told} told, ${report.deduced} deduced, ${report.predicted} predicted`);
}

/** @param {number} count @param {string} word @param {string} kind */
function figure(count, word, kind) {
  const made = element("span", kind);
  made.append(element("b", "", count.toLocaleString()), word);
  return made;
}

/** @param {Report} report */
function accuracy({ audit }) {
  const { right, asked, unsure, low, high } = audit;
  at("accuracy").textContent = asked ? tenth(right / asked) : "not known yet";
  const [band, mark] = /** @type {HTMLElement[]} */ ([...at("range").children]);
  band.style.left = `${100 * low}%`;
  band.style.width = `${100 * (high - low)}%`;
  mark.style.left = `${(100 * right) / Math.max(asked, 1)}%`;
  at("range").hidden = !asked;
  at("audit-more").textContent = asked ? "Audit some more" : "Audit a few items";
  at("accuracy-words").textContent = asked
    ? `${right} of ${plural(asked, "random item")} right: with 95 % confidence between ${tenth(low)} and ${tenth(high)}.${unsure ? ` ${plural(unsure, "item")} nobody could tell.` : ""} Only the random audit counts here, never the model's own confidence.`
    : "Audit a few items drawn at random: only they tell how accurate the predictions are. The model's own confidence doesn't.";
}

/** @param {Report} report */
function left(report) {
  const { pages, minutes, seconds, own, audited } = report.left;
  const nothing = report.verdict === "reached" || !report.predicted ? "nothing left to answer" : "perhaps nothing: audit to know";
  at("left").textContent = pages ? `about ${plural(pages, "page")}, ${time(minutes)}` : nothing;
  at("left-words").textContent = `${own ? "At your own speed" : "At a usual speed, until you have answered pages"}: ${seconds.toFixed(1)} s a page. ${audited
    ? "By the audited accuracy." : "By what the model believes of itself, until ten items are audited: take it as a guess."}`;
  at("hint").dataset.verdict = report.verdict;
  at("hint").textContent = hint(report);
}

/** @param {Report} report */
function hint(report) {
  const all = `between ${tenth(report.low)} and ${tenth(report.high)} of all labels`;
  if (!report.predicted) return "You can stop: every label is told or deduced.";
  if (report.verdict === "reached") return `You can stop: ${all} are right, if those told and deduced are.`;
  if (report.verdict === "missed") return `Go on: ${all} are right, below the target.`;
  if (!report.to_audit) return `Go on: ${all} are right, as far as is known.`;
  const known = report.high - report.low < 0.999 ? `${all} are right, as far as is known. ` : "";
  return `Too early to say: ${known}${plural(report.to_audit, "more audited item")}, all right, would show ${percent(report.target)}.`;
}

/** @param {number} minutes */
function time(minutes) {
  if (minutes < 1) return "less than a minute";
  return minutes < 90 ? `about ${plural(Math.round(minutes), "minute")}` : `about ${(minutes / 60).toFixed(1)} hours`;
}

/** @param {Somebody} one @param {string} me */
function person(one, me) {
  const row = element("tr");
  const agree = one.agreement === null ? "–" : `${percent(one.agreement)} of ${one.compared}`;
  const cells = [one.labeler === me ? `${one.labeler} (you)` : one.labeler, one.pages.toLocaleString(), one.answers.toLocaleString(),
    one.unsure.toLocaleString(), one.seconds ? one.seconds.toFixed(2) : "–", agree, one.gold === null ? "–" : `${percent(one.gold)} of ${one.gold_asked}`,
    ...[one.sensitivity, one.specificity].map((share) => (share === null ? "–" : percent(share)))];
  row.append(...cells.map((words) => element("td", "", words)));
  return row;
}

choice.addEventListener("change", () => { keep(own, choice.value); load(); });
load();
