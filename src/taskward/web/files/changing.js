// What a person does to tasks, how it is taken back, and what becomes of it where the service does not take it.

import * as conflict from "./conflict.js";
import { dayInFull } from "./due.js";
import { Editor } from "./editor.js";
import { same, unset } from "./fields.js";
import { NewTask } from "./new-task.js";
import * as rows from "./rows.js";
import * as toast from "./toast.js";
import * as undo from "./undo.js";
import { plural, t } from "./words.js";

const TAKEN_BACK = t("Taken back.");
const BACK = t("Back again.");
const TOO_LATE = t("Too late: already deleted.");
const TOO_LATE_FOR_SOME = t("Some were deleted already. The others are back.");
const NOT_SAVED = t("Not saved.");

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
      complete: (row) => this.complete([row]),
      edit: (row) => this.edit(row),
      remove: (row) => this.remove([row]),
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

  /** Complete tasks, or reopen them where all are done. */
  complete(about) {
    const completed = !about.every((row) => row.completed);
    const others = about.filter((row) => row.completed !== completed);
    const said = completed ? (title) => t("Done: {title}", { title }) : (title) => t("Reopened: {title}", { title });
    this.#change(said, others, () => ({ completed }));
  }

  remove(about) {
    const deletions = this.#outbox.delete(about);
    undo.offer(t("Deleted: {title}", { title: named(about) }), () => {
      const gone = this.#outbox.undo(deletions).length;
      if (!gone) return BACK;
      return gone < deletions.length ? TOO_LATE_FOR_SOME : TOO_LATE;
    });
  }

  /** Give tasks a day, and perhaps a time, or none. */
  move(about, body) {
    const day = body.due_date && dayInFull(body.due_date);
    const said = (title) => (day ? t("Moved to {day}: {title}", { day, title }) : t("Moved: {title}", { title }));
    this.#change(said, about, () => body);
  }

  /** Give tasks other tags: `tagsOf(row)` returns those that it is to have. */
  label(about, tagsOf) {
    const others = about.filter((row) => !same(tagsOf(row), row.tags));
    this.#change((title) => t("Tags changed: {title}", { title }), others, (row) => ({ tags: tagsOf(row) }));
  }

  #add(body) {
    const added = this.#outbox.create(body);
    undo.offer(t("Added: {title}", body), () => this.#revert(added));
  }

  #save(row, body) {
    const changes = this.#outbox.change([row], () => body);
    undo.offer(t("Saved: {title}", { ...row, ...body }), () => this.#revert(changes));
  }

  /** `said(title)` is what is said of it. */
  #change(said, about, bodyOf) {
    if (!about.length) return;
    const changes = this.#outbox.change(about, bodyOf);
    undo.offer(said(named(about)), () => this.#revert(changes));
  }

  #revert(changes) {
    this.#outbox.revert(changes);
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

/** What a change was about, in words. */
function named(tasks) {
  return tasks.length === 1 ? tasks[0].title : plural(tasks.length, "{count} task", "{count} tasks");
}
