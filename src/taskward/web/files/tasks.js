// The list as the service has it, page by page, and as it will be once everything in the outbox has been acknowledged.

import { unset } from "./fields.js";
import { FIRST, has, parameters } from "./views.js";

const PAGE = 50; // tasks to begin with
const MORE = 200; // tasks, each time that one gets to the end
const MOST = 1000; // tasks that the service can be asked for at once

export class TaskList {
  #session;
  #outbox;
  #served = [];
  #count = 0;
  #cursor = null;
  #known = { path: null, etag: null };
  #reading = null; // ends what is being read when it is aborted
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
    this.#reading?.abort();
  }

  /** Whether the list is being read; where another view is asked for meanwhile, it is read anew. */
  get isReading() {
    return this.#reading !== null;
  }

  get hasMore() {
    return this.#cursor !== null;
  }

  /** Read again as much as is shown: the list changes when all of that is there. Raises what Session.call does. */
  async refresh() {
    const epoch = this.#epoch;
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    try {
      const read = await this.#read(signal);
      if (epoch !== this.#epoch) return this.refresh();
      if (read) this.#take(read);
    } catch (error) {
      if (signal.aborted) return this.refresh(); // another view is asked for meanwhile
      throw error;
    } finally {
      if (this.#reading?.signal === signal) this.#reading = null;
    }
  }

  async more(count = MORE) {
    const epoch = this.#epoch;
    const { body } = await this.#page(count, this.#asked, this.#cursor);
    if (epoch !== this.#epoch) return;
    this.#epoch += 1; // who reads all of it again meanwhile is to read this too
    this.#served = joined(this.#served, body.tasks);
    this.#count = body.count;
    this.#cursor = body.next_cursor;
  }

  /** Return what there is, as the last page tells it but with all tasks, or null where nothing has changed. */
  async #read(signal) {
    const shown = Math.max(PAGE, this.#served.length);
    const asked = parameters(this.view);
    const path = this.#path({ limit: Math.min(MOST, shown) }, asked);
    const headers = path === this.#known.path ? { "If-None-Match": this.#known.etag } : {};
    const { status, body, etag } = await this.#session.call("GET", path, { headers, signal });
    if (status === 304) return null;
    let { tasks } = body;
    let last = body;
    // One request has up to MOST, and a page has an end in bytes too, so it may have fewer than were asked for.
    while (last.next_cursor && tasks.length < shown) {
      ({ body: last } = await this.#page(shown - tasks.length, asked, last.next_cursor, signal));
      tasks = joined(tasks, last.tasks);
    }
    return { ...last, tasks, asked, revision: body.revision, known: { path, etag } };
  }

  #take({ tasks, count, next_cursor, revision, asked, known }) {
    this.#served = tasks;
    this.#count = count;
    this.#cursor = next_cursor;
    this.#asked = asked;
    this.#known = known;
    this.revision = revision;
    this.isLoaded = true;
  }

  #page(count, asked, cursor, signal) {
    return this.#session.call("GET", this.#path({ limit: Math.min(MOST, count), cursor }, asked), { signal });
  }

  #path(page, asked) {
    return `/tasks?${new URLSearchParams({ ...asked, ...page })}`;
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
    const all = [...created.filter(({ key }) => rows.has(key)), ...[...rows.values()].filter((row) => !isNew.has(row))];
    return all.filter((row) => row.change?.state === "conflict" || this.#matches(row));
  }

  /** How many tasks there are, of which these are the rows. */
  countWith(rows) {
    return this.#count + rows.length - this.#served.length;
  }

  #key(id) {
    return this.#keys.get(id) ?? String(id);
  }
}

/** Both, where a task that has moved meanwhile is not there twice. */
function joined(tasks, more) {
  const known = new Set(tasks.map(({ id }) => id));
  return [...tasks, ...more.filter(({ id }) => !known.has(id))];
}
