// What other tabs, devices and programs change: one tab of a person waits for it and tells the others that there is
// something, never what. Nobody waits while the page is hidden.

import { HERE, Patience, Refused, Unreachable } from "./api.js";

const WAIT_S = 25;
const EARLY_MS = 5000; // an empty response that comes sooner says: do not ask again at once

export class Live {
  #session;
  #since;
  #changed;
  #tabs = null;
  #waiting = null; // ends the wait when it is aborted

  /** `since()` returns the revision that is shown, `changed()` reads the list again and returns when it has. */
  constructor(session, since, changed) {
    this.#session = session;
    this.#since = since;
    this.#changed = changed;
    document.addEventListener("visibilitychange", () => this.#tabs && this.#follow());
  }

  /** Begin for who has signed in, once the list is there. */
  open() {
    if (this.#tabs) return;
    this.#tabs = new BroadcastChannel(this.#name);
    this.#tabs.onmessage = () => isVisible() && this.#changed();
    this.#follow();
  }

  close() {
    this.#tabs?.close();
    this.#tabs = null;
    this.#waiting?.abort();
    this.#waiting = null;
  }

  /** By user: no other person's tab in this browser hears of it. */
  get #name() {
    return `${HERE}.live.${this.#session.userId}`;
  }

  #follow() {
    this.#waiting?.abort();
    this.#waiting = null;
    if (!isVisible()) return;
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    const work = () => this.#wait(signal);
    // Browsers have locks on https and on this machine alone; elsewhere each tab waits for itself.
    const done = navigator.locks ? navigator.locks.request(this.#name, { signal }, work) : work();
    done.catch((error) => {
      if (!signal.aborted) throw error;
    });
  }

  async #wait(signal) {
    const patience = new Patience();
    let since = this.#since();
    while (!signal.aborted) {
      const began = performance.now();
      const { revision, pause } = await this.#ask(since, signal, patience);
      if (signal.aborted) return;
      const isNew = revision === undefined || revision > since; // who was gone too long reads all anew
      const isEarly = pause !== undefined || performance.now() - began < EARLY_MS;
      if (isNew) await this.#tell();
      if (isNew || !isEarly) patience.restore();
      else await sleep(pause ?? patience.milliseconds(0), signal);
      since = Math.max(revision ?? 0, this.#since());
    }
  }

  async #tell() {
    this.#tabs?.postMessage("changed");
    await this.#changed();
  }

  /** Return the revision that is there now, undefined where it has to be read anew, and how long not to ask again. */
  async #ask(since, signal, patience) {
    try {
      const { body } = await this.#session.call("GET", `/tasks/changes?since=${since}&limit=1&wait=${WAIT_S}`, { signal });
      return { revision: body.revision };
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status === 410)) return {};
      if (!(error instanceof Unreachable || error instanceof Refused)) this.close(); // signed out
      return { revision: since, pause: patience.milliseconds(error.retryAfter ?? 0) };
    }
  }
}

function isVisible() {
  return document.visibilityState === "visible";
}

function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", resolve);
  });
}
