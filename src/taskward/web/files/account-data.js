// What is kept about a person: to take along, or to be deleted.

import { Refused } from "./api.js";
import { onSubmit, refusedBeside } from "./forms.js";
import { t } from "./words.js";

const WORDS = t("delete everything");
const account = document.getElementById("account");
const exporter = document.getElementById("exporter");
const deleter = document.getElementById("deleter");
const { password, words } = deleter.elements;

/** `deleted()` is called when somebody and everything of theirs has been deleted. */
export function listen(session, _, deleted) {
  onSubmit(exporter, async (wish) => {
    const { body } = await session.call("GET", "/auth/me/export");
    if (!body) throw new Refused(0, { detail: t("The download was cut off. Please try again.") });
    if (wish === "tasks") save(body.tasks, "tasks.json");
    else save(body, "taskward.json");
  });
  onSubmit(deleter, async () => {
    if (password.disabled && words.value.trim().toLowerCase() !== WORDS) throw refusedBeside("words", t("Type: {words}", { words: WORDS }));
    try {
      await session.call("DELETE", "/auth/me", password.disabled ? {} : { json: { password: password.value } });
    } catch (error) {
      throw error.code === "CREDENTIALS_INVALID" ? refusedBeside("password", error.message) : error;
    }
    deleted();
  });
}

/** Who has a password here shows that it is theirs, everybody else types some words. */
export function open(user) {
  const hasPassword = Boolean(user?.has_password);
  for (const [input, isAsked] of [[password, hasPassword], [words, !hasPassword]]) {
    input.disabled = !isAsked;
    input.parentElement.hidden = !isAsked;
  }
  account.querySelector(".end details").open = false;
}

export function close() {
  deleter.reset();
}

/** Have the browser save a value as a file of JSON. */
function save(value, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
