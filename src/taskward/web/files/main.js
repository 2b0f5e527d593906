// The page: puts its parts together, and opens and closes them as people sign in and out.

import * as account from "./account.js";
import { Refused } from "./api.js";
import { Changing } from "./changing.js";
import * as connection from "./connection.js";
import * as keys from "./keys.js";
import * as mail from "./mail.js";
import * as offline from "./offline.js";
import { Outbox } from "./outbox.js";
import * as password from "./password.js";
import * as provider from "./provider.js";
import * as rows from "./rows.js";
import { Screen } from "./screen.js";
import { Selecting } from "./selecting.js";
import { Session } from "./session.js";
import * as signIn from "./sign-in.js";
import * as signingOut from "./signing-out.js";
import * as span from "./span.js";
import { TaskList } from "./tasks.js";
import * as toast from "./toast.js";
import { undo } from "./undo.js";
import * as views from "./views.js";
import * as who from "./who.js";
import { t } from "./words.js";

const KEPT = t("What you change is kept here and sent as soon as it can be.");
const NOT_KEPT = t("There is too much to keep here: do not close this tab until it is saved.");
const NOBODY_YET = t("Your tasks are shown as soon as it can be.");
const MEMBERS = ["tasks", "sign-out", "help-button"];
const $ = (id) => document.getElementById(id);

const session = new Session();
const outbox = new Outbox(session);
const changing = new Changing(session, outbox, () => screen.refresh());
const screen = new Screen(session, new TaskList(session, outbox), {
  shown(shown) {
    changing.look(shown);
    selecting.look(shown);
  },
  loaded: () => who.open(session),
});
const selecting = new Selecting(changing);
let isResumed = false; // it is known whether somebody is signed in

// --- Signing in and out ------------------------------------------------------------------------------------------

async function start() {
  try {
    if (await provider.finish(session)) return answered(); // and "begin" has entered
    const resumed = await session.resume();
    answered();
    if (resumed) enter();
    else signIn.open(session);
  } catch (error) {
    if (error instanceof Refused) refused(error);
    else connection.retryLater(error, start);
  }
}

function answered() {
  isResumed = true;
  connection.reachable();
}

/** What the provider has answered signs nobody in. */
function refused(error) {
  provider.forget();
  answered();
  signIn.open(session, error);
}

function enter() {
  isResumed = true;
  signIn.close();
  for (const id of MEMBERS) $(id).hidden = false;
  outbox.open();
  screen.open();
  changing.open();
}

function leave() {
  for (const id of MEMBERS) $(id).hidden = true;
  connection.reachable(); // or not: nothing waits any more for which that matters
  $("help").close("");
  signingOut.close();
  who.close();
  password.close();
  outbox.close();
  selecting.stop();
  screen.close();
  changing.close();
  signIn.open(session);
}

/** After a link its owner signs in; somebody else who is signed in here stays so. */
async function passwordChanged(byLink) {
  if (!byLink) return account.passwordChanged(t("The password is changed. All other log-ins have ended."));
  await session.verify().catch(() => {}); // where it cannot be asked, the next request tells
  if (!session.userId) signIn.open(session);
  toast.say(t("The password is changed."));
}

/** An account is no more: nothing unsent has anywhere to go. */
function deleted() {
  signingOut.signOutForGood(session, true);
  toast.say(t("Your account is deleted, and everything in it."));
}

session.addEventListener("begin", enter);
session.addEventListener("end", leave);
signingOut.listen(session, outbox, () => changing.discardDrafts());
account.listen(session, deleted);
password.listen(session, passwordChanged);
mail.listen();
offline.listen();
views.listen(() => screen.follow(), () => screen.keep()); // last, since others take their links out of the address

// --- What the service has, and what it has not yet ---------------------------------------------------------------

outbox.addEventListener("changed", () => {
  screen.show();
  connection.tell();
});
outbox.addEventListener("settled", () => {
  connection.reachable();
  screen.refresh();
});
outbox.addEventListener("unreachable", ({ detail }) => connection.unreachable(detail));
addEventListener("pagehide", () => outbox.flush());
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && outbox.flush());
connection.listen(
  () => {
    if (!screen.isOpen) return isResumed || start();
    outbox.send();
    screen.refresh();
  },
  () => {
    if (!isResumed) return NOBODY_YET;
    return outbox.isKept ? KEPT : NOT_KEPT;
  },
);

// --- The keyboard ------------------------------------------------------------------------------------------------

function edit() {
  const row = rows.focused()?.row;
  if (row) changing.edit(row);
}

const forMembers = (actions) =>
  Object.fromEntries(Object.entries(actions).map(([key, action]) => [key, () => screen.isOpen && action()]));

keys.listen(
  forMembers({
    n: () => changing.begin(),
    "/": () => screen.search(),
    j: () => span.step(1),
    k: () => span.step(-1),
    s: () => selecting.toggle(),
    J: () => selecting.stretch(1),
    K: () => selecting.stretch(-1),
    Escape: () => selecting.stop(),
    x: () => selecting.complete(),
    m: () => selecting.move(),
    t: () => selecting.label(),
    Delete: () => selecting.remove(),
    e: () => edit(),
    u: undo,
    "?": () => $("help").showModal(),
  }),
);
$("help-button").addEventListener("click", () => $("help").showModal());

start();
