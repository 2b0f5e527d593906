// Two versions of one task, and a person who decides.

import { compared } from "./fields.js";
import { t } from "./words.js";

const dialog = document.getElementById("conflict");
const story = document.getElementById("conflict-story");

const STORIES = {
  change: t("Somebody, perhaps you in another tab, has changed this task since you saw it. Nothing is overwritten until you choose."),
  delete: t("You deleted this task, and it has been changed since you saw it. Keep yours to delete it all the same."),
  gone: t("This task has been deleted elsewhere. Keep yours to add it anew."),
};

/** Ask which version stays; `settle(change, mine)` is called unless the person decides later. */
export function ask(change, settle) {
  if (document.querySelector("dialog[open]")) return; // one question at a time; the row has a button, too
  const mine = change.kind === "delete" ? null : { ...change.base, ...change.body };
  story.textContent = STORIES[change.current ? change.kind : "gone"];
  dialog.querySelector(".mine").replaceChildren(...version(mine, change.current));
  dialog.querySelector(".theirs").replaceChildren(...version(change.current, mine));
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue && settle(change, dialog.returnValue === "mine");
  dialog.showModal();
}

/** Forget what was shown. */
export function close() {
  dialog.onclose = null;
  dialog.close("");
  dialog.querySelectorAll(".mine, .theirs").forEach((element) => element.replaceChildren());
}

function version(task, other) {
  if (!task) return [line(t("Deleted"), true)];
  return compared(task, other).map(([text, differs]) => line(text, differs));
}

function line(text, differs) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  paragraph.className = differs ? "differs" : "";
  return paragraph;
}
