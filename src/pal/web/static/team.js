// The team screen: links for people, what they may and what they did, the rule, checks and gold.
// @ts-check

import { element } from "./card.js";
import { ask, button, itemLink, percent, toast } from "./screen.js";
import { at } from "./status.js";

/**
 * @typedef {{name: string, role: string, invited: boolean, me: boolean}} Account
 * @typedef {{labeler: string, pages: number, answers: number, agreement: number|null, compared: number, gold: number|null, gold_asked: number}} Somebody
 * @typedef {{url: string, kinds: string[], said: string}} Webhook
 * @typedef {{rule: string, gold: number, second: number, classes: string[]}} Settings
 * @typedef {{accounts: Account[], people: Somebody[], settings: Settings, gold: import("./types.js").Tile[], webhooks: Webhook[], me: string}} Team
 */

const ROLES = ["annotator", "reviewer", "administrator"];

/** @param {boolean} [anew]  also fill what a person may be typing in */
async function load(anew) {
  /** @type {Team|null} */
  const team = await ask("/api/team");
  if (!team) return;
  if (anew) fill(team.settings);
  choose("second", team.settings.second);
  choose("gold-share", team.settings.gold);
  const did = new Map(team.people.map((one) => [one.labeler, one]));
  const known = new Set(team.accounts.map((one) => one.name));
  // Whoever has no account now: the owner of the terminal's address, imports, people who left.
  const others = team.people.filter((one) => !known.has(one.labeler));
  at("people").replaceChildren(
    ...team.accounts.map((one) => line(one.name, one, did.get(one.name), one.me)),
    ...others.map((one) => line(one.labeler, null, one, one.labeler === team.me)),
  );
  at("nobody").hidden = team.accounts.length > 0;
  at("people-table").hidden = !team.accounts.length && !others.length;
  at("gold").replaceChildren(...team.gold.map(golden));
  at("webhooks").textContent = team.webhooks.length
    ? `Told what happens: ${team.webhooks.map((hook) => `${hook.url} (${hook.said || "not tried yet"})`).join("; ")}.`
    : "No other program is told what happens here; pal webhook on the server's command line adds one.";
}

const textArea = (/** @type {string} */ id) => /** @type {HTMLTextAreaElement} */ (at(id));

/** @param {Settings} settings */
function fill({ rule, classes }) {
  textArea("rule").value = rule;
  textArea("classes").value = classes.join("\n");
}

/** @param {string} name @param {Account|null} account @param {Somebody|undefined} did @param {boolean} me */
function line(name, account, did, me) {
  const row = element("tr");
  const who = element("td", "", name);
  if (me) who.append(element("small", "", " (you)"));
  const role = element("td");
  if (account) role.append(account.me ? element("span", "", account.role) : roleOf(account));
  const acts = element("td");
  if (account && !account.me) {
    acts.append(button(account.invited ? "Withdraw link" : "New link", "text-button", () => (account.invited ? withdraw(account) : invite(account.name, account.role))));
    acts.append(button("Remove", "text-button", () => remove(account)));
  }
  const link = account ? (account.invited ? "open, not used yet" : "used or ended") : "";
  const agree = did && did.agreement !== null ? `${percent(did.agreement)} of ${did.compared}` : "";
  const gold = did && did.gold !== null ? `${percent(did.gold)} of ${did.gold_asked}` : "";
  row.append(who, named(role, "Role", Boolean(account)), cell(link, "Link"), cell(did ? did.pages.toLocaleString() : "0", "Pages"),
    cell(did ? did.answers.toLocaleString() : "0", "Answers"), cell(agree, "Agree with others"), cell(gold, "Right on gold"), acts);
  return row;
}

/** @param {string} words @param {string} head */
const cell = (words, head) => named(element("td", "", words || "–"), head, Boolean(words));

/** On a phone a row is a list: each cell says what it is, and empty ones go. @param {HTMLElement} made @param {string} head @param {boolean} full */
function named(made, head, full) {
  made.dataset.words = head;
  if (!full) made.dataset.empty = "";
  return made;
}

/** @param {Account} account */
function roleOf(account) {
  const select = /** @type {HTMLSelectElement} */ (element("select"));
  select.setAttribute("aria-label", `Role of ${account.name}`);
  for (const role of ROLES) {
    const option = /** @type {HTMLOptionElement} */ (element("option", "", role));
    option.value = role;
    option.selected = role === account.role;
    select.append(option);
  }
  select.addEventListener("change", async () => {
    if (await ask("/api/team/role", { name: account.name, role: select.value })) toast(`${account.name} is ${select.value} now.`);
    load();
  });
  return select;
}

/** @param {string} name @param {string} role */
async function invite(name, role) {
  const made = await ask("/api/team/invite", { name, role });
  if (!made) return;
  at("link-words").textContent = `For ${made.name}, ${made.role}. It works once, in one browser, within ${made.days} days. Whoever has it is ${made.name}: send it to nobody else.`;
  /** @type {HTMLInputElement} */ (at("link")).value = location.origin + made.link;
  at("link-made").hidden = false;
  /** @type {HTMLFormElement} */ (at("invite-form")).reset();
  at("copy").focus();
  load();
}

/** @param {Account} account */
async function withdraw(account) {
  if (await ask("/api/team/withdraw", { name: account.name })) {
    at("link-made").hidden = true;
    toast(`The link of ${account.name} no longer works.`);
  }
  load();
}

/** @param {Account} account */
async function remove(account) {
  if (!(await sure(`Remove ${account.name}?`, "They are out at once. Their answers stay.", "Remove"))) return;
  if (await ask("/api/team/remove", { name: account.name })) toast(`${account.name} is out.`);
  load();
}

/** @param {string} title @param {string} words @param {string} yes @returns {Promise<boolean>} */
function sure(title, words, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (at("sure"));
  at("sure-title").textContent = title;
  at("sure-words").textContent = words;
  at("sure-yes").textContent = yes;
  at("sure-no").onclick = () => dialog.close();
  dialog.showModal();
  at("sure-no").focus();
  return new Promise((resolve) => {
    at("sure-form").addEventListener("submit", () => resolve(true), { once: true });
    dialog.addEventListener("close", () => resolve(false), { once: true });
  });
}

/** @param {import("./types.js").Tile} item */
function golden(item) {
  const made = element("div");
  made.setAttribute("role", "listitem");
  made.append(itemLink(item, 96), button("Not gold", "text-button", async () => {
    await ask("/api/team/gold", { item: item.id, gold: false });
    load();
  }));
  return made;
}

/** Choose a value, made up if it isn't on the list. @param {string} id @param {number} value */
function choose(id, value) {
  const select = /** @type {HTMLSelectElement} */ (at(id));
  if (![...select.options].some((option) => Number(option.value) === value)) {
    const option = /** @type {HTMLOptionElement} */ (element("option", "", percent(value)));
    option.value = String(value);
    select.append(option);
  }
  select.value = [...select.options].find((option) => Number(option.value) === value)?.value ?? "";
}

at("invite-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const role = /** @type {HTMLInputElement} */ (document.querySelector("input[name=role]:checked")).value;
  invite(/** @type {HTMLInputElement} */ (at("invite-name")).value, role);
});
at("rule-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const classes = textArea("classes").value.split("\n").map((name) => name.trim()).filter(Boolean);
  const saved = await ask("/api/team/settings", { rule: textArea("rule").value, classes });
  if (saved) {
    fill(saved);
    toast("Saved; pages that are loaded from now on show it.");
  }
});
for (const [id, name] of /** @type {const} */ ([["second", "second"], ["gold-share", "gold"]])) {
  at(id).addEventListener("change", () => ask("/api/team/settings", { [name]: Number(/** @type {HTMLSelectElement} */ (at(id)).value) }));
}
at("copy").addEventListener("click", async () => {
  const field = /** @type {HTMLInputElement} */ (at("link"));
  field.select();
  // The clipboard needs a secure origin; what is selected can be copied by hand anywhere.
  const copied = await navigator.clipboard?.writeText(field.value).then(() => true, () => false);
  toast(copied ? "Copied." : "Selected: copy it with Ctrl+C.");
});
load(true);
