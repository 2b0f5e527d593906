// The list as the service has it, page by page, and as it will be once everything in the outbox has been acknowledged.

import { unset } from "./fields.js";
import { FIRST, has, parameters } from "./views.js";

const PAGE = 50;
const MOST = 1000; // tasks that the service can be asked for at once

export class TaskList {
  #session;
  #outbox;
  #served = [];
  #count = 0;
  #cursor = null;
  #known = { path: null, etag: null };
  #epoch = 0; // moves with each acknowledged write and each new query; an answer from before is out of date
  #keys = new Map();
  isLoaded = false;
  revision = 0; // of the person's tasks, when the list was read
  #asked = {}; // what the cursor belongs to: a day later the same view asks for something else
  view = FIRST;

  constructor(session, outbox) {
    this.#session = session;
    this.#outbox = outbox;
    outbox.addEventListener("acknowledged", ({ detail }) => this.#acknowledge(detail));
  }

  forget() {
    this.#epoch += 1;
    this.isLoaded = false;
    this.#served = [];
    this.#count = 0;
    this.#cursor = null;
    this.#known = { path: null, etag: null };
  }

  ask(view) {
    this.forget();
    this.view = view;
  }

  get hasMore() {
    return this.#cursor !== null;
  }

  /** Read again as much as is shown. Raises what Session.call does. */
  async refresh() {
    const shown = PAGE * Math.max(1, Math.ceil(this.#served.length / PAGE));
    this.#asked = parameters(this.view);
    const path = this.#path({ limit: Math.min(MOST, shown) });
    const epoch = this.#epoch;
    const headers = path === this.#known.path ? { "If-None-Match": this.#known.etag } : {};
    const { status, body, etag } = await this.#session.call("GET", path, { headers });
    if (epoch !== this.#epoch) return this.refresh();
    if (status === 304) return;
    this.#known = { path, etag };
    this.revision = body.revision;
    this.isLoaded = true;
    this.#served = body.tasks;
    this.#count = body.count;
    this.#cursor = body.next_cursor;
    // A page has an end in bytes too, so it may have fewer tasks than were asked for.
    while (this.hasMore && this.#served.length < shown) await this.more(shown - this.#served.length);
  }

  async more(count = PAGE) {
    const epoch = this.#epoch;
    const path = this.#path({ limit: Math.min(MOST, count), cursor: this.#cursor });
    const { body } = await this.#session.call("GET", path);
    if (epoch !== this.#epoch) return;
    const known = new Set(this.#served.map(({ id }) => id));
    this.#served.push(...body.tasks.filter(({ id }) => !known.has(id)));
    this.#count = body.count;
    this.#cursor = body.next_cursor;
  }

  #path(page) {
    return `/tasks?${new URLSearchParams({ ...this.#asked, ...page })}`;
  }

  #acknowledge({ change, task }) {
    this.#epoch += 1;
    const before = this.#served.length;
    if (change.kind === "create") {
      this.#keys.set(task.id, change.key);
      this.#served = [task, ...this.#served.filter(({ id }) => id !== task.id)].filter(this.#matches);
    } else {
      const others = this.#served.map((held) => (held.id === change.ref ? task : held));
      this.#served = others.filter((held) => held && this.#matches(held));
    }
    this.#count += this.#served.length - before;
    this.#known.path = null;
  }

  #matches = (task) => has(this.view, task);

  /** The tasks to show, each with `key`, which never changes, `seen`, as the service last told it, and `change`. */
  get rows() {
    const unsaved = new Set(this.#outbox.changes.map(({ kind, key }) => kind === "create" && key));
    const served = this.#served.filter(({ uid }) => !unsaved.has(uid)); // one whose answer was lost is not there twice
    const rows = new Map(served.map((task) => [task.id, { ...task, key: this.#key(task.id), seen: task }]));
    const created = [];
    for (const change of this.#outbox.changes) {
      if (change.kind === "create") {
        const row = { ...unset(), ...change.body, id: change.ref, key: change.ref, change };
        rows.set(change.ref, row);
        created.unshift(row);
      } else if (change.kind === "delete" && change.state === "waiting") {
        rows.delete(change.ref);
      } else {
        const row = rows.get(change.ref) ?? { ...change.base, key: this.#key(change.ref), seen: change.base };
        rows.set(change.ref, Object.assign(row, change.body, { change: row.change?.state === "conflict" ? row.change : change }));
      }
    }
    const isNew = new Set(created);
    const all = [...created, ...[...rows.values()].filter((row) => !isNew.has(row))];
    return all.filter((row) => row.change?.state === "conflict" || this.#matches(row));
  }

  get count() {
    return this.#count + this.rows.length - this.#served.length;
  }

  #key(id) {
    return this.#keys.get(id) ?? String(id);
  }
}
