// Signing out: nothing that is unsent is lost without a question, and nothing of a person stays behind.

import { LAST_CHANCE_MS } from "./outbox.js";
import * as toast from "./toast.js";
import { t } from "./words.js";

const button = document.getElementById("sign-out");
const dialog = document.getElementById("leave");
const NOT_TOLD = t("Signed out here. The service could not be told.");

/** `discardDrafts()` is called when a person signs out, in whichever tab. */
export function listen(session, outbox, discardDrafts) {
  button.addEventListener("click", () => signOut(session, outbox));
  dialog.addEventListener("close", () => dialog.returnValue && signOutForGood(session, true));
  session.addEventListener("leaving", () => sendWhatIsLeft(session, outbox));
  session.addEventListener("forget", ({ detail: lose }) => {
    discardDrafts();
    if (lose) outbox.discard(); // but nothing unsent of which nobody was asked
  });
}

export function close() {
  dialog.close("");
}

async function signOut(session, outbox) {
  const { userId } = session;
  button.disabled = true;
  const [others] = await Promise.all([session.othersEmptied(LAST_CHANCE_MS), outbox.emptied()]);
  button.disabled = false;
  if (session.userId !== userId) return;
  if (others && outbox.isEmpty) return signOutForGood(session, false);
  dialog.returnValue = "";
  dialog.showModal();
}

/** `lose` says that the person knows that what is unsent is lost. */
export function signOutForGood(session, lose) {
  session.signOut(lose).catch(() => toast.say(NOT_TOLD));
}

/** Another tab is about to sign out. */
async function sendWhatIsLeft(session, outbox) {
  if (outbox.isEmpty) return;
  session.tellUnsent(1);
  if (await outbox.emptied()) session.tellUnsent(-1);
}
