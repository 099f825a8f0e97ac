// Sounds: one plays at a time. A button on each card; P plays what is in focus or under the pointer, else the template.
// @ts-check

/** @type {HTMLAudioElement} */
const audio = new Audio();
/** @type {HTMLElement|null} */
let playing = null;

/** @param {import("./types.js").Tile} item */
export function player(item) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "play";
  made.tabIndex = -1; // tiles take the focus, and P plays
  made.dataset.sound = item.id;
  made.setAttribute("aria-label", `Play ${item.name}`);
  // A press on the button is no press on the tile.
  for (const kind of ["pointerdown", "mousedown"]) made.addEventListener(kind, (event) => event.stopPropagation());
  made.addEventListener("mousedown", (event) => event.preventDefault());
  made.addEventListener("click", (event) => { event.stopPropagation(); toggle(made); });
  return made;
}

/** Play a card's sound, or stop it. @param {HTMLElement} button */
export function toggle(button) {
  const again = playing === button && !audio.paused;
  stop();
  if (again) return;
  playing = button;
  button.dataset.state = "playing";
  audio.src = `/sounds/${button.dataset.sound}`;
  audio.play().catch(() => { if (playing === button) { stop(); button.dataset.state = "silent"; } });
}

function stop() {
  audio.pause();
  if (playing) delete playing.dataset.state;
  playing = null;
}

/** The card that P means. @returns {HTMLElement|null} */
function meant() {
  const open = document.querySelector("dialog[open]");
  const places = open ? [open] : [document.activeElement?.closest("[data-item]"),
    [...document.querySelectorAll("[data-item]:hover")].at(-1), document.getElementById("template"), document];
  for (const place of places) {
    const found = place?.querySelector(".play");
    if (found instanceof HTMLElement) return found;
  }
  return null;
}

audio.addEventListener("ended", stop);
if (document.body.dataset.kind === "audio") {
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.code !== "KeyP" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("input, textarea, select")) return;
    const button = meant();
    if (button) toggle(button);
  });
  // What is enlarged is heard, and falls silent with its dialog.
  const dialog = document.getElementById("enlarged");
  if (dialog) {
    new MutationObserver(() => {
      const button = dialog.querySelector(".play");
      if (dialog.hasAttribute("open") && button instanceof HTMLElement) { if (button !== playing) toggle(button); }
      else if (playing && !playing.isConnected) stop();
      else if (!dialog.hasAttribute("open") && playing && dialog.contains(playing)) stop();
    }).observe(dialog, { attributes: true, attributeFilter: ["open"] });
  }
}
