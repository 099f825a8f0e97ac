// Parcels that wait for the server: kept in IndexedDB, which has room for days of answers, apart for each account: two
// people may share a browser, and nobody's answers may go out under somebody else's name. Writing there takes a moment,
// and a tab may die within it: so a parcel is put into localStorage first, at once, and moved.
// @ts-check

import { forget, keep, kept, recall } from "./keep.js";

/** @typedef {[key: string, value: any]} Parcel */

const { project, account } = document.body.dataset;
const PARCELS = "parcels";

/** @type {Promise<IDBDatabase|null>|null} */
let opening = null;

/** @returns {Promise<IDBDatabase|null>} null where a browser has none, as some private windows do */
function database() {
  opening ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(`pal/${project}/${account || "owner"}`, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(PARCELS);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opening;
}

/**
 * @template T
 * @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => T} act
 * @returns {Promise<T|null>} what ``act`` gave, once it is on disk; null if it isn't
 */
async function within(mode, act) {
  const found = await database();
  if (!found) return null;
  return new Promise((resolve) => {
    try {
      const transaction = found.transaction(PARCELS, mode, { durability: "strict" });
      const made = act(transaction.objectStore(PARCELS));
      transaction.oncomplete = () => resolve(made);
      transaction.onabort = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

/** Keep a parcel, at once. @param {string} key @param {unknown} value */
export const put = (key, value) => keep(key, value);

/** Make room where parcels come in. @returns {Promise<void>} */
export async function settle() {
  const keys = [...kept("outbox/"), ...kept("refused/")];
  if (!keys.length) return;
  const moved = await within("readwrite", (store) => {
    for (const key of keys) store.put(recall(key), key);
    return true;
  });
  if (moved) keys.forEach(forget);
}

/** Parcels in order, wherever they are. @param {string} prefix @returns {Promise<Parcel[]>} */
export async function waiting(prefix) {
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const found = await within("readonly", (store) => [store.getAllKeys(range), store.getAll(range)]);
  /** @type {Map<string, any>} */
  const all = new Map();
  if (found) {
    const [keys, values] = found.map((request) => request.result);
    keys.forEach((/** @type {string} */ key, /** @type {number} */ i) => all.set(key, values[i]));
  }
  for (const key of kept(prefix)) all.set(key, recall(key));
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param {string[]} keys */
export async function drop(keys) {
  await within("readwrite", (store) => { for (const key of keys) store.delete(key); });
  keys.forEach(forget);
}
