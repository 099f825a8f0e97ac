// The export screen: choose formats, have them written, read the manifest, download.
// @ts-check

import { element } from "./card.js";
import { ask, plural } from "./screen.js";
import { at } from "./status.js";

const PATIENCE = 30 * 60 * 1000;
/** @type {Record<string, [string, string]>} */
const WORDS = {
  csv: ["Labels, CSV", "one row an item: class, source, confidence, votes"],
  jsonl: ["Labels, JSON Lines", "the same rows, one object a line"],
  parquet: ["Labels, Parquet", "the same rows, typed"],
  images: ["Pictures in folders", "one folder a class"],
  huggingface: ["Hugging Face dataset", "for datasets.load_from_disk, with the items themselves"],
  labelstudio: ["Label Studio", "tasks to import, with its labelling interface"],
  embeddings: ["Embeddings", ".npy with ids, in the model's own space"],
  classifier: ["Classifier", "safetensors; pal predict loads it, nothing is pickled"],
  log: ["The log", "every answer, name and flag, as it was given"],
  pairs: ["Pairs", "every answer about two items, alike or unlike"],
};
const chosen = () => /** @type {HTMLInputElement[]} */ ([...at("formats").querySelectorAll("input:checked")]).map((box) => box.value);
const write = /** @type {HTMLButtonElement} */ (at("write"));

async function load() {
  const reply = await ask("/api/export");
  if (!reply) return;
  for (const name of reply.formats) {
    const label = element("label");
    const box = /** @type {HTMLInputElement} */ (element("input"));
    box.type = "checkbox";
    box.value = name;
    box.checked = !["images", "huggingface"].includes(name); // pictures make it large
    const words = element("span");
    const [title, more] = WORDS[name] ?? [name, ""];
    words.append(element("b", "", title), element("small", "", more));
    label.append(box, words);
    at("formats").append(label);
  }
  write.disabled = !chosen().length;
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  write.disabled = true;
  write.textContent = "Writing";
  const reply = await ask("/api/export", { formats: chosen() }, PATIENCE);
  write.textContent = "Write the export";
  write.disabled = false;
  if (!reply) return;
  const { manifest } = reply;
  /** @type {HTMLAnchorElement} */ (at("download")).href = `/exports/${reply.id}.zip`;
  at("written-words").textContent = `${plural(reply.n_files, "file")}, ${bytes(reply.n_bytes)} before packing.`;
  const facts = {
    "Position of the log": manifest.position.toLocaleString(), Written: manifest.written, Source: manifest.source, Items: manifest.n_items.toLocaleString(),
    Encoder: manifest.encoder || "none", Classes: Object.values(manifest.classes).join(", ") || "none yet", Files: Object.keys(manifest.files).slice(0, 12).join(", "),
  };
  at("manifest").replaceChildren(...Object.entries(facts).flatMap(([name, words]) => [element("dt", "", name), element("dd", "", String(words))]));
  at("manifest-whole").textContent = JSON.stringify(manifest, null, 1).slice(0, 200_000);
  at("written").hidden = false;
  at("download").focus();
}

/** @param {number} count */
function bytes(count) {
  return count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

at("formats").addEventListener("change", () => { write.disabled = !chosen().length; });
at("formats-form").addEventListener("submit", submit);
load();
