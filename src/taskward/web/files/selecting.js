// Selecting several rows, and what can be done to all of them at once.

import * as dueWords from "./due-words.js";
import { fill, problemsOf, read, whole } from "./fields.js";
import { clearProblems, showProblems } from "./forms.js";
import * as rows from "./rows.js";
import * as selection from "./selection.js";
import * as span from "./span.js";
import { complete, merged, problemsOfTags, separated, without } from "./tags.js";
import * as toast from "./toast.js";
import { t } from "./words.js";

const bar = document.getElementById("selected");
const button = document.getElementById("select");
const move = document.getElementById("move");
const label = document.getElementById("label");
const count = bar.querySelector("p");
const selected = (number) => t("{count} selected", { count: number });
const NO_TAG = t("Write at least one tag");
const TOO_MANY = t("Up to {most} tasks can be selected at once.", { most: selection.MOST });

export class Selecting {
  #changing;
  #rows = []; // all that are shown
  #about = []; // those that an open dialogue is about

  constructor(changing) {
    this.#changing = changing;
    button.addEventListener("click", () => (selection.isOn() ? this.stop() : this.#show(selection.start)));
    rows.listenToSelecting((row, isRange) => this.#show(() => (isRange ? this.#extend(row) : selection.toggle(row.key))));
    dueWords.listen(move.querySelector("form"));
    complete(label.querySelector("input"));
    this.#listen();
  }

  /** These rows are shown now. */
  look(shown) {
    this.#rows = shown;
    selection.keep(shown.map(({ key }) => key));
    this.#tell();
  }

  /** Select nothing, and keep nothing of what was typed: the next person at this tab may be somebody else. */
  stop() {
    for (const dialog of [move, label]) {
      dialog.querySelector("form").reset();
      if (dialog.open) dialog.close();
    }
    this.#about = [];
    this.#show(selection.stop);
  }

  /** Select the row that has the focus, or no longer. */
  toggle() {
    const focused = rows.focused();
    if (focused) this.#show(() => selection.toggle(focused.key));
  }

  /** Move the focus, and select what lies between. */
  stretch(by) {
    this.#extendToFocused();
    span.step(by);
    this.#extendToFocused();
  }

  complete() {
    this.#do((about) => this.#changing.complete(about));
  }

  remove() {
    this.#do((about) => this.#changing.remove(about));
  }

  move() {
    this.#ask(move);
  }

  label() {
    this.#ask(label);
  }

  #extendToFocused() {
    const focused = rows.focused();
    if (focused) this.#show(() => this.#extend(focused));
  }

  #extend({ key }) {
    if (!selection.extend(key, this.#rows.map((row) => row.key))) toast.say(TOO_MANY);
  }

  #show(change) {
    change();
    rows.mark();
    this.#tell();
  }

  #tell() {
    button.setAttribute("aria-pressed", selection.isOn());
    bar.hidden = !selection.isOn();
    count.textContent = selected(selection.size());
    for (const each of bar.querySelectorAll(".about")) each.disabled = selection.size() === 0;
  }

  /** The rows that are selected, or else the one that has the focus. */
  #chosen() {
    const chosen = this.#rows.filter(({ key }) => selection.has(key));
    return chosen.length ? chosen : [rows.focused()?.row].filter(Boolean);
  }

  #do(action, about = this.#chosen()) {
    if (!about.length) return;
    const place = this.#rows.findIndex(({ key }) => key === about[0].key);
    this.stop();
    action(about);
    if (document.activeElement === document.body) span.focus(place, { preventScroll: true });
  }

  #ask(dialog) {
    this.#about = this.#chosen();
    if (!this.#about.length) return;
    const form = dialog.querySelector("form");
    form.reset();
    clearProblems(form);
    if (dialog === move) fill(form, {});
    dialog.querySelector(".which").textContent = selected(this.#about.length);
    dialog.showModal();
  }

  #listen() {
    bar.querySelector(".done").addEventListener("click", () => this.complete());
    bar.querySelector(".move").addEventListener("click", () => this.move());
    bar.querySelector(".label").addEventListener("click", () => this.label());
    bar.querySelector(".remove").addEventListener("click", () => this.remove());
    bar.querySelector(".stop").addEventListener("click", () => this.stop());
    move.addEventListener("submit", (event) => this.#submit(event, move, (form) => this.#moved(form)));
    label.addEventListener("submit", (event) => this.#submit(event, label, (form, how) => this.#labelled(form, how)));
  }

  /** `made(form, value)` returns what is wrong, and what to do where nothing is. */
  #submit(event, dialog, made) {
    const value = event.submitter?.value;
    if (value === "cancel") return;
    event.preventDefault();
    const { problems, action } = made(event.target, value);
    if (problems.length) return showProblems(event.target, { problems });
    const about = this.#about;
    dialog.close();
    this.#do(() => action(about), about);
  }

  #moved(form) {
    const { due_date, due_time } = read(form, {});
    const problems = problemsOf(form, { due_date, due_time, title: "any" });
    const body = whole({ due_date, ...((due_time || !due_date) && { due_time, due_zone: null }) });
    return { problems, action: (about) => this.#changing.move(about, body) };
  }

  #labelled(form, how) {
    const tags = separated(form.elements.tags.value);
    const changed = (row) => (how === "remove" ? without(row.tags, tags) : merged(row.tags, tags));
    const problems = tags.length ? problemsOfTags(this.#about.map(changed)) : [{ field: "tags", message: NO_TAG }];
    return { problems, action: (about) => this.#changing.label(about, changed) };
  }
}
