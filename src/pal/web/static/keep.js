// What must outlive a reload, in localStorage, apart for each project and account: another project may use the same port
// tomorrow, and somebody else this browser.
// @ts-check

const { project, account } = document.body.dataset;
const space = `pal/${project}/${account ? `${account}/` : ""}`;

/** @param {string} key @param {unknown} value */
export function keep(key, value) {
  localStorage.setItem(space + key, JSON.stringify(value));
}

/** @param {string} key @returns {any} the value, or null */
export function recall(key) {
  const text = localStorage.getItem(space + key);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // written by hand or cut off: as good as absent
  }
}

/** @param {string} key */
export function forget(key) {
  localStorage.removeItem(space + key);
}

/** @param {string} prefix @returns {string[]} keys in order */
export function kept(prefix) {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(space + prefix))
    .map((key) => key.slice(space.length))
    .sort();
}
