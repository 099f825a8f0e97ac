// Answers on their way to the log. A parcel (the events of one act) is kept before it is sent and dropped only when
// the server says that it is on disk; ids are made here, so sending twice is harmless.
// @ts-check

import { Offline, Refused, SignedOut, call } from "./api.js";
import { kept } from "./keep.js";
import { drop, put, settle, waiting } from "./parcels.js";

/** @typedef {"saved"|"saving"|"offline"|"signed-out"|"refused"} Light */

const PARCELS_AT_ONCE = 40;
const WAIT = [500, 1000, 2000, 4000, 8000, 15000];

export class Outbox {
  /**
   * @param {(state: Light, waiting: number, words: string) => void} show
   * @param {(progress: import("./types.js").Progress) => void} progressed
   */
  constructor(show, progressed) {
    this.show = show;
    this.progressed = progressed;
    this.counter = 0;
    this.failures = 0;
    this.sending = false;
    this.stowed = 0;
    /** @type {number|undefined} */
    this.timer = undefined;
    addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.flush(); });
  }

  /** @returns {number} parcels not yet on the server's disk */
  get waiting() {
    return this.stowed + kept("outbox/").length;
  }

  /** @param {import("./types.js").LogEvent[]} events  one act: sent together, in this order */
  add(events) {
    // The key sorts by time, so a retraction never overtakes what it retracts.
    const order = `${String(Date.now()).padStart(15, "0")}-${String(this.counter++).padStart(6, "0")}`;
    put(`outbox/${order}-${events[0].id}`, events);
    if (!this.failures) this.show("saving", this.waiting, "");
    queueMicrotask(() => this.flush());
  }

  /** Send what is waiting, oldest first. */
  async flush() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    try {
      let refused;
      do {
        for (let parcels = await this.look(); parcels.length; parcels = await this.look()) {
          await this.send(parcels.slice(0, PARCELS_AT_ONCE));
          this.failures = 0;
        }
        refused = await waiting("refused/");
      } while (kept("outbox/").length); // an answer may come in while the last of these are looked at
      this.failures = 0;
      if (refused.length) this.show("refused", refused.length, refused[0][1].words);
      else this.show("saved", 0, "");
    } catch (error) {
      if (!(error instanceof Offline) && !(error instanceof SignedOut)) throw error;
      this.show(error instanceof SignedOut ? "signed-out" : "offline", this.waiting, error.message);
      const wait = WAIT[Math.min(this.failures++, WAIT.length - 1)];
      this.timer = window.setTimeout(() => this.flush(), wait);
    } finally {
      this.sending = false;
    }
  }

  /** What waits, out of the way of what comes next. */
  async look() {
    await settle();
    const parcels = await waiting("outbox/");
    this.stowed = parcels.length - kept("outbox/").length;
    return parcels;
  }

  /** @param {import("./parcels.js").Parcel[]} parcels */
  async send(parcels) {
    const events = parcels.flatMap(([, value]) => value ?? []);
    try {
      const reply = await call("/api/events", { events });
      this.progressed(reply.progress);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (parcels.length > 1) {
        // One bad parcel must not hold up the rest: find it.
        for (const parcel of parcels) await this.send([parcel]);
        return;
      }
      // Never dropped in silence: put aside, and the light says so.
      put(parcels[0][0].replace("outbox/", "refused/"), { words: error.message, events });
    }
    await drop(parcels.map(([key]) => key));
  }
}
