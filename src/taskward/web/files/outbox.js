// Changes that the service has not acknowledged yet. They are sent one after the other, kept in this tab's session
// storage, and tried again for as long as nobody answers. No change overwrites one that its author has not seen.
//
// A change is {key, kind, ref, base, body, due, state, current}. `kind` is "create", "change" or "delete". `ref` is the
// id of the task, or the key of the change that creates it. `base` is the task as the author saw it. `state` is
// "waiting", or "conflict" with `current`, the task as it is elsewhere, or null when it is gone.

import { HERE, Patience, Refused, Unreachable } from "./api.js";
import { restored, same, settable } from "./fields.js";
import { SignedOut } from "./session.js";

export const UNDO_MS = 10_000;
export const LAST_CHANCE_MS = 2000;

export class Outbox extends EventTarget {
  #session;
  #patience = new Patience();
  #timer = null;
  #sending = null;
  changes = [];

  constructor(session) {
    super();
    this.#session = session;
  }

  /** Begin with what this user left behind in this tab. */
  open() {
    this.changes = JSON.parse(sessionStorage.getItem(this.#kept)) ?? [];
    this.send();
  }

  close() {
    clearTimeout(this.#timer);
    this.changes = [];
  }

  /** Close, and forget for good what was not sent. */
  discard() {
    sessionStorage.removeItem(this.#kept);
    this.close();
  }

  get #kept() {
    return `${HERE}.outbox.${this.#session.userId}`;
  }

  /** Whether nothing waits, also of what was left behind and is not open yet. */
  get isEmpty() {
    return sessionStorage.getItem(this.#kept) === null;
  }

  create(body) {
    const key = random();
    return this.#add({ key, kind: "create", ref: key, base: null, body: { ...body, uid: key }, due: 0 });
  }

  change(task, body) {
    return this.#add({ key: random(), kind: "change", ref: task.id, base: task.seen, body, due: 0 });
  }

  /** Delete after a while in which `undo` takes it back. */
  delete(task) {
    return this.#add({ key: random(), kind: "delete", ref: task.id, base: task.seen, body: {}, due: Date.now() + UNDO_MS });
  }

  /** Return whether it was in time. */
  undo(change) {
    const waiting = this.changes.includes(change) && change !== this.#sending;
    if (waiting) this.#remove(change);
    return waiting;
  }

  /** Take a change back, also where the service has it: what it changed becomes again what its author had seen. */
  revert(change) {
    if (this.undo(change)) return;
    const body = Object.fromEntries(Object.keys(change.body).map((name) => [name, change.base[name]]));
    this.#add({ key: random(), kind: "change", ref: change.ref, base: change.task ?? change.base, body, due: 0 });
  }

  /** Settle a conflict: `mine` is written over what is there now, or made anew where nothing is. */
  settle(change, mine) {
    if (!mine || (change.kind === "delete" && !change.current)) return this.#remove(change);
    if (change.current) {
      const body = restored(change.body, change.base, change.current);
      Object.assign(change, { base: change.current, body, state: "waiting", current: null });
    } else {
      const body = { ...settable({ ...change.base, ...change.body }), uid: change.key };
      Object.assign(change, { kind: "create", ref: change.key, base: null, body, state: "waiting" });
    }
    this.#changed();
    this.send();
  }

  /** Send now whatever is waiting, also deletions that could still be undone. */
  flush() {
    for (const change of this.changes) change.due = 0;
    this.send();
  }

  /** Send everything now; return whether the service has taken it before long. */
  async emptied() {
    this.flush();
    const deadline = Date.now() + LAST_CHANCE_MS;
    while (!this.isEmpty && Date.now() < deadline) {
      await new Promise((resolve) => {
        this.addEventListener("changed", resolve, { once: true });
        setTimeout(resolve, deadline - Date.now());
      });
    }
    return this.isEmpty;
  }

  #add(change) {
    change.state = "waiting";
    this.changes.push(change);
    this.#changed();
    this.send();
    return change;
  }

  #remove(change) {
    this.changes = this.changes.filter((other) => other !== change);
    this.#changed();
  }

  #changed() {
    if (this.changes.length) sessionStorage.setItem(this.#kept, JSON.stringify(this.changes));
    else sessionStorage.removeItem(this.#kept);
    this.#tell("changed");
  }

  #tell(event, detail) {
    this.dispatchEvent(new CustomEvent(event, { detail }));
  }

  /** Send what is due, in order, until nothing is. */
  async send() {
    clearTimeout(this.#timer);
    if (this.#sending || !this.#session.userId) return;
    const change = this.#next();
    if (!change) return this.#sleep();
    this.#sending = change;
    let wait = 0;
    try {
      const { status, body } = await this.#exchange(change);
      // Known by its uid, it may have been changed since by others: who goes on here has not seen that.
      const isKnown = change.kind === "create" && status === 200;
      const seen = isKnown ? { ...body, ...change.body, revision: 0 } : body;
      if (this.changes.includes(change)) this.#acknowledged(change, body, seen);
    } catch (error) {
      if (this.changes.includes(change)) wait = this.#failed(change, error);
    } // else the person has signed out meanwhile, and nobody waits for this
    this.#sending = null;
    if (wait === null) return; // the next session sends
    if (wait === 0) return this.send();
    this.#timer = setTimeout(() => this.send(), wait);
  }

  #next() {
    const blocked = new Set(); // a task's changes stay in order
    return this.changes.find(({ ref, state, due }) => {
      const free = !blocked.has(ref) && state === "waiting" && due <= Date.now();
      blocked.add(ref);
      return free;
    });
  }

  #sleep() {
    const later = this.changes.filter(({ state, due }) => state === "waiting" && due > Date.now());
    if (later.length) this.#timer = setTimeout(() => this.send(), Math.min(...later.map(({ due }) => due)) - Date.now());
  }

  #exchange({ key, kind, ref, base, body }) {
    if (kind === "create") return this.#session.call("POST", "/tasks", { json: body, headers: { "Idempotency-Key": key } });
    const headers = { "If-Match": `"${base.revision}"` }; // the revision, which stands for a tag: lists have none
    if (kind === "delete") return this.#session.call("DELETE", `/tasks/${ref}`, { headers });
    return this.#session.call("PATCH", `/tasks/${ref}`, { json: body, headers });
  }

  #acknowledged(change, task, seen = task) {
    this.#patience.restore();
    for (const later of this.changes) {
      if (later !== change && later.ref === change.ref && task) Object.assign(later, { ref: task.id, base: seen });
    }
    change.task = task; // as it is now, for who takes the change back
    this.#tell("acknowledged", { change, task });
    this.#remove(change);
  }

  /** Return after how many milliseconds to go on; 0 is at once, null not by itself. */
  #failed(change, error) {
    if (error instanceof SignedOut) return null;
    if (error instanceof Unreachable) {
      const wait = this.#patience.milliseconds(error.retryAfter);
      this.#tell("unreachable", error);
      return wait;
    }
    if (!(error instanceof Refused)) throw error;
    if (error.status === 412) this.#met(change, error.current);
    else if (error.status === 404) this.#met(change, null);
    else {
      if (change.kind === "create") this.#gather(change);
      this.#remove(change);
      this.#tell("refused", { change, error });
    }
    return 0;
  }

  /** Put later changes of a task that never came to be into what was to create it. */
  #gather(change) {
    const later = this.changes.filter((other) => other !== change && other.ref === change.ref);
    later.forEach(({ body }) => Object.assign(change.body, body));
    this.changes = this.changes.filter((other) => !later.includes(other));
  }

  /** The task is not what the author saw. Only what would undo somebody's change is worth a question. */
  #met(change, current) {
    if (change.kind === "delete" && !current) return this.#acknowledged(change, null);
    if (change.kind === "change" && current) {
      const fields = Object.keys(change.body);
      // Perhaps it was this very change, and its answer got lost.
      if (fields.every((field) => same(current[field], change.body[field]))) return this.#acknowledged(change, current);
      // Others changed other fields: both changes stay, as the service keeps what a change does not name.
      if (fields.every((field) => same(current[field], change.base[field]))) {
        change.base = current;
        return this.#changed();
      }
    }
    Object.assign(change, { state: "conflict", current });
    this.#changed();
    this.#tell("conflict", change);
  }
}

function random() {
  // crypto.randomUUID() is missing on plain http from another machine.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
