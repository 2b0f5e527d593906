// The dialogue in which a task is edited. Its draft is kept with the task as it was when editing began, so that what
// changed meanwhile is noticed, also after a reload.

import * as dueWords from "./due-words.js";
import { fill, problemsOf, read, same, typed, whole } from "./fields.js";
import { clearProblems, Draft, showProblems } from "./forms.js";
import * as tags from "./tags.js";

const dialog = document.getElementById("editor");
const form = dialog.querySelector("form");
const { title } = form.elements;
const elsewhere = form.querySelector(".elsewhere");

export class Editor {
  #session;
  #save;
  #row = null;
  #values = {}; // with those that have no input
  #refused = []; // by the service, and not shown yet

  /** `save(row, body)` is called with the fields that were changed. */
  constructor(session, save) {
    this.#session = session;
    this.#save = save;
    tags.complete(form.elements.tags);
    dueWords.listen(form); // before what was typed is kept, day and time are set
    form.addEventListener("input", () => this.#keep());
    form.addEventListener("submit", (event) => this.#submit(event));
    dialog.addEventListener("cancel", () => this.#draft.discard()); // Escape
    dialog.addEventListener("close", () => this.#openRefused());
    form.querySelector(".cancel").addEventListener("click", () => {
      this.#draft.discard();
      dialog.close();
    });
  }

  open(row, values = row) {
    const draft = this.#draft.read();
    if (draft && draft.row.id === row.id) ({ row, values } = draft);
    this.#row = row;
    this.#values = values;
    elsewhere.hidden = true;
    fill(form, values);
    clearProblems(form);
    if (!dialog.open) dialog.showModal();
    title.focus();
  }

  /** Tell of it when one of these rows is the one that is edited, and has changed meanwhile. What is typed stays. */
  look(rows) {
    const there = rows.find(({ id }) => id !== null && id === this.#row?.id);
    elsewhere.hidden = !there || !(there.seen?.revision > this.#row.seen?.revision);
  }

  /** Open with what was being typed when the page went away, if anything was. */
  reopen() {
    const draft = this.#draft.read();
    this.#refused = this.#keptRefused.read() ?? [];
    if (draft) this.open(draft.row);
    else this.#openRefused();
  }

  /** Open with what the service did not take, and why: at once, or when what is being edited is done. */
  refuse(row, values, { message, problems }) {
    this.#refused.push({ row, values, error: { message, problems } });
    this.#keptRefused.write(this.#refused);
    this.#openRefused();
  }

  /** Close, and forget what was shown; the draft stays. */
  close() {
    dialog.close();
    this.#row = null;
    this.#values = {};
    this.#refused = [];
    fill(form, this.#values);
    clearProblems(form);
  }

  discard() {
    this.#draft.discard();
    this.#keptRefused.discard();
  }

  get #draft() {
    return new Draft(this.#session.userId, "editor");
  }

  get #keptRefused() {
    return new Draft(this.#session.userId, "refused");
  }

  #openRefused() {
    if (!this.#refused.length || dialog.open) return;
    const { row, values, error } = this.#refused.shift();
    this.open(row, values);
    this.#keep();
    if (this.#refused.length) this.#keptRefused.write(this.#refused);
    else this.#keptRefused.discard();
    showProblems(form, error);
  }

  #keep() {
    this.#draft.write({ row: this.#row, values: typed(form, this.#values) });
  }

  #submit(event) {
    const values = read(form, this.#values);
    const problems = problemsOf(form, values, this.#row);
    if (problems.length) {
      event.preventDefault();
      showProblems(form, { problems });
      return;
    }
    const differing = Object.entries(whole(values)).filter(([name, value]) => !same(value, this.#row[name]));
    if (differing.length) this.#save(this.#row, Object.fromEntries(differing));
    this.#draft.discard();
  }
}
