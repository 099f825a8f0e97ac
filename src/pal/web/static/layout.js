// The fifteen tile keys by their place on the keyboard, and what is printed on them here.
// @ts-check

export const TILE_CODES = [..."QWERT", ..."ASDFG", ..."ZXCVB"].map((letter) => `Key${letter}`);

/** @type {Map<string, string>} */
let printed = new Map();

/** What is printed on a key: Q in one country is A in another. @param {string} code */
export function labelOf(code) {
  return (printed.get(code) ?? code.replace("Key", "")).toUpperCase();
}

/** Ask the browser for the keyboard's layout and relabel every <kbd data-code>; without an answer QWERTY stands. */
export async function learnLayout() {
  const keyboard = /** @type {any} */ (navigator).keyboard;
  if (!keyboard?.getLayoutMap) return;
  printed = await keyboard.getLayoutMap().catch(() => new Map());
  for (const key of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("kbd[data-code]"))) {
    key.textContent = labelOf(key.dataset.code ?? "");
  }
}
