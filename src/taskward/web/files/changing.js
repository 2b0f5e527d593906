// What a person does to tasks, how it is taken back, and what becomes of it where the service does not take it.

import * as conflict from "./conflict.js";
import { Editor } from "./editor.js";
import { unset } from "./fields.js";
import { NewTask } from "./new-task.js";
import * as rows from "./rows.js";
import * as toast from "./toast.js";
import * as undo from "./undo.js";

const TAKEN_BACK = "Taken back.";
const BACK = "The task is back.";
const TOO_LATE = "Too late: it is deleted.";
const NOT_SAVED = "Not saved.";

export class Changing {
  #outbox;
  #refresh;
  #newTask;
  #editor;

  /** `refresh()` is called where what is there now should be seen. */
  constructor(session, outbox, refresh) {
    this.#outbox = outbox;
    this.#refresh = refresh;
    this.#newTask = new NewTask(session, (body) => this.#add(body));
    this.#editor = new Editor(session, (row, body) => (row.id === null ? outbox.create(body) : this.#save(row, body)));
    rows.listen({
      complete: (row) => this.complete(row),
      edit: (row) => this.edit(row),
      remove: (row) => this.remove(row),
      choose: ({ change }) => this.#ask(change),
    });
    outbox.addEventListener("conflict", ({ detail }) => this.#ask(detail));
    outbox.addEventListener("refused", ({ detail: { change, error } }) => this.#giveBack(change, error));
  }

  open() {
    this.#newTask.open();
    this.#editor.reopen();
  }

  close() {
    conflict.close();
    this.#editor.close();
    this.#newTask.close();
    undo.close();
  }

  /** Forget what is typed and not handed on. */
  discardDrafts() {
    this.#newTask.discard();
    this.#editor.discard();
  }

  /** These rows are shown now. */
  look(shown) {
    this.#editor.look(shown);
  }

  begin() {
    this.#newTask.focus();
  }

  edit(row) {
    this.#editor.open(row);
  }

  complete(row) {
    const change = this.#outbox.change(row, { completed: !row.completed });
    undo.offer(`${row.completed ? "Reopened" : "Done"}: ${row.title}`, () => this.#revert(change));
  }

  remove(row) {
    const deletion = this.#outbox.delete(row);
    undo.offer(`Deleted: ${row.title}`, () => (this.#outbox.undo(deletion) ? BACK : TOO_LATE));
  }

  #add(body) {
    this.#outbox.create(body);
    toast.say(`Added: ${body.title}`);
  }

  #save(row, body) {
    const change = this.#outbox.change(row, body);
    undo.offer(`Saved: ${body.title ?? row.title}`, () => this.#revert(change));
  }

  #revert(change) {
    this.#outbox.revert(change);
    return TAKEN_BACK;
  }

  #ask(change) {
    conflict.ask(change, (settled, mine) => {
      this.#outbox.settle(settled, mine);
      if (!mine) this.#refresh();
    });
  }

  /** Put what the service refused back where it can be mended. */
  #giveBack({ kind, base, body }, error) {
    if (kind === "delete") return toast.say(error.message);
    toast.say(NOT_SAVED);
    if (kind === "change") return this.#editor.refuse({ ...base, seen: base }, { ...base, ...body }, error);
    if (this.#newTask.isEmpty) return this.#newTask.refuse(body, error);
    return this.#editor.refuse({ id: null, ...unset() }, body, error);
  }
}
