// How long an act takes until its result is painted, as performance measures "pal:<act>" anybody can read.
// @ts-check

/** @param {string} act @param {number} since  time stamp of the event that started it */
export function measured(act, since) {
  // The frame callback runs just before the paint; a message from there arrives just after it.
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => performance.measure(`pal:${act}`, { start: since, end: performance.now() });
    channel.port2.postMessage(null);
  });
}
