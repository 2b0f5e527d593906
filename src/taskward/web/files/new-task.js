// The form for a new task. What is typed is kept as a draft until it is handed on.

import * as dueWords from "./due-words.js";
import { fill, isEmpty, problemsOf, read, typed, whole } from "./fields.js";
import { clearProblems, Draft, showProblems } from "./forms.js";
import * as tags from "./tags.js";

const form = document.getElementById("new-form");
const { title } = form.elements;

export class NewTask {
  #session;
  #add;
  #values = {}; // with those that have no input

  /** `add(body)` is called with each new task. */
  constructor(session, add) {
    this.#session = session;
    this.#add = add;
    tags.complete(form.elements.tags);
    dueWords.listen(form); // before what was typed is kept, day and time are set
    form.addEventListener("input", () => this.#keep());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  open() {
    this.#fill(this.#draft.read());
    title.focus();
  }

  close() {
    this.#fill(null);
  }

  focus() {
    title.focus();
  }

  get isEmpty() {
    return isEmpty(form);
  }

  /** Show again what the service did not take, and why. */
  refuse(body, error) {
    this.#fill(body);
    this.#keep();
    showProblems(form, error);
  }

  discard() {
    this.#draft.discard();
  }

  get #draft() {
    return new Draft(this.#session.userId, "new");
  }

  #fill(values) {
    this.#values = values ?? {};
    fill(form, this.#values);
    this.#unfold();
  }

  #unfold() {
    form.classList.toggle("started", !this.isEmpty);
  }

  #keep() {
    this.#unfold();
    this.#draft.write(typed(form, this.#values));
  }

  #submit() {
    clearProblems(form);
    const values = read(form, this.#values);
    const problems = problemsOf(form, values);
    if (problems.length) {
      showProblems(form, { problems });
      return;
    }
    this.#add(whole(values));
    this.#fill(null);
    this.discard(); // now the outbox keeps it
    title.focus();
  }
}
