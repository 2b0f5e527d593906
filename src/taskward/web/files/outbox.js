// Changes that the service has not acknowledged yet. They are sent one after the other, those of many tasks together,
// kept in this tab's session storage, and tried again for as long as nobody answers. No change overwrites one that its
// author has not seen.
//
// A change is {key, kind, ref, base, body, due, state, current, batch, isTried}. `kind` is "create", "change" or
// "delete". `ref` is the id of the task, or the key of the change that creates it. `base` is the task as the author saw
// it. `state` is "waiting", or "conflict" with `current`, the task as it is elsewhere, or null when it is gone. Changes
// with the same `batch` are sent together. One that `isTried` may be there although nobody has said so.

import { HERE, Patience, Refused, Unreachable } from "./api.js";
import { restored, same, settable } from "./fields.js";
import { SignedOut } from "./session.js";

export const UNDO_MS = 10_000;
export const LAST_CHANCE_MS = 2000;
const MOST_TOGETHER = 100; // operations that the service takes in one batch

export class Outbox extends EventTarget {
  #session;
  #patience = new Patience();
  #timer = null;
  #sending = [];
  #isSettling = false;
  changes = [];
  isKept = true;

  constructor(session) {
    super();
    this.#session = session;
  }

  /** Begin with what this user left behind in this tab. */
  open() {
    this.changes = JSON.parse(sessionStorage.getItem(this.#kept)) ?? [];
    this.isKept = true;
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
    return !this.changes.length && sessionStorage.getItem(this.#kept) === null;
  }

  create(body) {
    const key = random();
    return this.#add({ key, kind: "create", ref: key, base: null, body: { ...body, uid: key }, due: 0 });
  }

  /** Change tasks; `bodyOf(task)` returns the new values of each. Returns the changes, as `undo` and `revert` take them. */
  change(tasks, bodyOf) {
    return this.#add(...tasks.map((task) => changing(task.id, task.seen, bodyOf(task))));
  }

  /** Delete after a while in which `undo` takes it back. */
  delete(tasks) {
    const due = Date.now() + UNDO_MS;
    return this.#add(...tasks.map((task) => deleting(task.id, task.seen, due)));
  }

  /** Take back those that are not sent; return the others. */
  undo(changes) {
    const waiting = new Set(changes.filter((each) => this.changes.includes(each) && !this.#sending.includes(each)));
    this.#remove(waiting);
    return changes.filter((change) => !waiting.has(change));
  }

  /** Take changes back, also where the service has them, or may: what they changed is again what its author had seen. */
  revert(changes) {
    const done = changes.filter((change) => this.#isDone(change));
    this.undo(changes.filter((change) => !done.includes(change)));
    if (done.length) this.#add(...done.map(opposite));
  }

  /** Whether the service has it, or may have it; not what it has refused. */
  #isDone(change) {
    if (change.task || this.#sending.includes(change)) return true;
    return change.isTried && change.state === "waiting" && this.changes.includes(change);
  }

  /** Settle a conflict: `mine` is written over what is there now, or made anew where nothing is. */
  settle(change, mine) {
    if (!mine || (change.kind === "delete" && !change.current)) return this.#remove(new Set([change]));
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

  #add(...changes) {
    const together = changes.length > 1 ? { batch: random() } : {};
    for (const change of changes) Object.assign(change, { state: "waiting", ...together });
    this.changes.push(...changes);
    this.#changed();
    this.send();
    return changes;
  }

  #remove(changes) {
    this.changes = this.changes.filter((change) => !changes.has(change));
    this.#changed();
  }

  #changed() {
    if (this.#isSettling) return; // all that one response settles is told at once
    this.#keep();
    this.#tell("changed");
  }

  /** Have it here after a reload. Where the browser keeps no more, it is here until then. */
  #keep() {
    this.isKept = true;
    if (!this.changes.length) return sessionStorage.removeItem(this.#kept);
    try {
      sessionStorage.setItem(this.#kept, JSON.stringify(this.changes));
    } catch {
      this.isKept = false;
    }
  }

  #tell(event, detail) {
    this.dispatchEvent(new CustomEvent(event, { detail }));
  }

  /** Send what is due, in order, until nothing is. */
  async send() {
    clearTimeout(this.#timer);
    if (this.#sending.length || !this.#session.userId) return;
    const changes = this.#next();
    if (!changes.length) return this.#sleep();
    this.#sending = changes;
    for (const change of changes) change.isTried ||= navigator.onLine;
    let wait = 0;
    try {
      this.#settle(changes, await this.#exchange(changes));
    } catch (error) {
      // Else the person has signed out meanwhile, and nobody waits for this.
      if (changes.some((change) => this.changes.includes(change))) wait = this.#failed(changes, error);
    }
    this.#sending = [];
    if (wait === null) return; // the next session sends
    if (wait === 0) return this.send();
    this.#timer = setTimeout(() => this.send(), wait);
  }

  /** The change that is to be sent, or those that are sent with it. */
  #next() {
    const blocked = new Set(); // a task's changes stay in order
    const ready = this.changes.filter(({ ref, state, due }) => {
      const free = !blocked.has(ref) && state === "waiting" && due <= Date.now();
      blocked.add(ref);
      return free;
    });
    const together = ready.filter(({ batch }) => batch && batch === ready[0].batch);
    return together.length > 1 ? together.slice(0, MOST_TOGETHER) : ready.slice(0, 1);
  }

  #sleep() {
    const later = this.changes.filter(({ state, due }) => state === "waiting" && due > Date.now());
    if (later.length) this.#timer = setTimeout(() => this.send(), Math.min(...later.map(({ due }) => due)) - Date.now());
  }

  /** Return what became of each: `{status, body}`, or Refused. */
  async #exchange(changes) {
    if (changes.length === 1) return [await this.#sendOne(changes[0])];
    const { body } = await this.#session.call("POST", "/tasks/batch", { json: { operations: changes.map(operation) } });
    return body.results.map(({ status, task = null, ...result }) =>
      status < 300 ? { status, body: task } : new Refused(status, result),
    );
  }

  #sendOne({ key, kind, ref, base, body }) {
    if (kind === "create") return this.#session.call("POST", "/tasks", { json: body, headers: { "Idempotency-Key": key } });
    const headers = { "If-Match": `"${base.revision}"` }; // the revision, which stands for a tag: lists have none
    if (kind === "delete") return this.#session.call("DELETE", `/tasks/${ref}`, { headers });
    return this.#session.call("PATCH", `/tasks/${ref}`, { json: body, headers });
  }

  #settle(changes, outcomes) {
    if (!changes.some((change) => this.changes.includes(change))) return; // the person has signed out meanwhile
    this.#isSettling = true;
    this.#patience.restore();
    changes.forEach((change, place) => {
      if (!this.changes.includes(change)) return;
      const { [place]: outcome } = outcomes;
      if (outcome instanceof Refused) this.#refused(change, outcome);
      else this.#written(change, outcome);
    });
    this.#isSettling = false;
    this.#changed();
    this.#tell("settled");
  }

  #written(change, { status, body }) {
    // Known by its uid, it may have been changed since by others: who goes on here has not seen that.
    const isKnown = change.kind === "create" && status === 200;
    this.#acknowledged(change, body, isKnown ? { ...body, ...change.body, revision: 0 } : body);
  }

  #acknowledged(change, task, seen = task) {
    for (const later of this.changes) {
      if (later !== change && later.ref === change.ref && task) Object.assign(later, { ref: task.id, base: seen });
    }
    change.task = task; // as it is now, for who takes the change back
    this.#tell("acknowledged", { change, task });
    this.#remove(new Set([change]));
  }

  /** Return after how many milliseconds to go on; 0 is at once, null not by itself. */
  #failed(changes, error) {
    if (error instanceof SignedOut) return null;
    if (error instanceof Unreachable) {
      const wait = this.#patience.milliseconds(error.retryAfter);
      this.#tell("unreachable", error);
      return wait;
    }
    if (!(error instanceof Refused)) throw error;
    // One of many may be to blame: each for itself is told of its own.
    if (changes.length > 1) changes.forEach((change) => delete change.batch);
    else this.#settle(changes, [error]);
    return 0;
  }

  #refused(change, error) {
    if (error.status === 412) return this.#met(change, error.current);
    if (error.status === 404) return this.#met(change, null);
    if (change.kind === "create") this.#gather(change);
    this.#remove(new Set([change]));
    this.#tell("refused", { change, error });
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

function changing(ref, base, body) {
  return { key: random(), kind: "change", ref, base, body, due: 0 };
}

function deleting(ref, base, due) {
  return { key: random(), kind: "delete", ref, base, body: {}, due };
}

/** The change that takes another back which the service has, or is about to have. */
function opposite({ kind, ref, base, body, task }) {
  if (kind === "create") return deleting(task?.id ?? ref, task ?? null, 0);
  return changing(ref, task ?? base, Object.fromEntries(Object.keys(body).map((name) => [name, base[name]])));
}

function operation({ kind, ref, base, body }) {
  const seen = { id: ref, if_revision: base.revision };
  return kind === "delete" ? { do: "delete", ...seen } : { do: "update", ...seen, task: body };
}

function random() {
  // crypto.randomUUID() is missing on plain http from another machine.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
