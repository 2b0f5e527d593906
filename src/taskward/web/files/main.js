// The page: puts its parts together, and tells the person what goes on.

import { Patience, Refused, Unreachable } from "./api.js";
import * as conflict from "./conflict.js";
import * as signIn from "./sign-in.js";
import { Editor } from "./editor.js";
import { unset } from "./fields.js";
import * as keys from "./keys.js";
import { Live } from "./live.js";
import * as mail from "./mail.js";
import { NewTask } from "./new-task.js";
import { LAST_CHANCE_MS, Outbox } from "./outbox.js";
import * as password from "./password.js";
import * as provider from "./provider.js";
import { Query } from "./query.js";
import * as rows from "./rows.js";
import { Session, SignedOut } from "./session.js";
import { TaskList } from "./tasks.js";
import * as toast from "./toast.js";
import * as views from "./views.js";

const REFRESH_MS = 30_000;
const MEMBERS = ["tasks", "sign-out", "help-button"];
const $ = (id) => document.getElementById(id);

const session = new Session();
const outbox = new Outbox(session);
const list = new TaskList(session, outbox);
const patience = new Patience();
const editor = new Editor(session, (row, body) => (row.id === null ? outbox.create(body) : save(row, body)));
const newTask = new NewTask(session, add);
const query = new Query(look);
const live = new Live(session, () => list.revision, refresh);
let retry = null;
let takeBack = () => "";
let asked = { loading: null, again: false };
let isEntered = false;
let isResumed = false; // it is known whether somebody is signed in
let isLoadingMore = false;

// --- Signing in and out ------------------------------------------------------------------------------------------

async function start() {
  try {
    if (await provider.finish(session)) return reachable(); // and "begin" has entered
    const resumed = await session.resume();
    isResumed = true;
    reachable();
    if (resumed) enter();
    else signIn.open(session);
  } catch (error) {
    if (error instanceof Refused) return refused(error);
    unreachable(error);
    retry = setTimeout(start, patience.milliseconds(error.retryAfter));
  }
}

/** What the provider has answered signs nobody in. */
function refused(error) {
  provider.forget();
  reachable();
  signIn.open(session, error);
}

function enter() {
  isEntered = true;
  signIn.close();
  for (const id of MEMBERS) $(id).hidden = false;
  outbox.open();
  look(query.follow());
  newTask.open();
  editor.reopen();
}

function leave() {
  isEntered = false;
  live.close();
  for (const id of [...MEMBERS, "who", "password-button"]) $(id).hidden = true;
  for (const id of ["leave", "help"]) $(id).close("");
  for (const id of ["who", "count"]) text(id, "");
  conflict.close();
  password.close();
  editor.close();
  outbox.close();
  list.ask(views.FIRST);
  query.close();
  rows.show([]);
  newTask.close();
  toast.say("");
  takeBack = () => "";
  signIn.open(session);
}

async function whoAmI() {
  const { body } = await session.call("GET", "/auth/me");
  if (body.id !== session.userId) return; // somebody else has come meanwhile
  $("who").textContent = body.name ?? body.email ?? body.id;
  $("who").hidden = false;
  $("password-button").hidden = !body.has_password;
}

async function signOut() {
  const { userId } = session;
  $("sign-out").disabled = true;
  const [others] = await Promise.all([session.othersEmptied(LAST_CHANCE_MS), outbox.emptied()]);
  $("sign-out").disabled = false;
  if (session.userId !== userId) return;
  if (others && outbox.isEmpty) return signOutForGood(false);
  $("leave").returnValue = "";
  $("leave").showModal();
}

function signOutForGood(lose) {
  session.signOut(lose).catch(() => toast.say("Signed out here. The service could not be told."));
}

/** Forget what this tab keeps of who has signed out, but nothing unsent of which nobody was asked. */
function forget(lose) {
  newTask.discard();
  editor.discard();
  if (lose) outbox.discard();
}

async function sendWhatIsLeft() {
  if (outbox.isEmpty) return;
  session.tellUnsent(1);
  if (await outbox.emptied()) session.tellUnsent(-1);
}

/** After a link its owner signs in; somebody else who is signed in here stays so. */
async function passwordChanged(byLink) {
  if (!byLink) return toast.say("The password is changed. All other log-ins have ended.");
  await session.verify().catch(() => {}); // where it cannot be asked, the next request tells
  if (!session.userId) signIn.open(session);
  toast.say("The password is changed.");
}

session.addEventListener("begin", enter);
session.addEventListener("forget", ({ detail }) => forget(detail));
session.addEventListener("leaving", sendWhatIsLeft);
session.addEventListener("end", leave);
$("sign-out").addEventListener("click", signOut);
$("password-button").addEventListener("click", () => password.open());
$("leave").addEventListener("close", () => $("leave").returnValue && signOutForGood(true));

// --- Showing -----------------------------------------------------------------------------------------------------

function show() {
  const shown = list.rows;
  rows.show(shown);
  const { count, isLoaded } = list;
  text("count", isLoaded ? (count === 1 ? "1 task" : `${count} tasks`) : "");
  const { view, tag, q } = list.view;
  const isAll = view === "all" && !tag && !q;
  query.offer(shown);
  editor.look(shown);
  text("empty", isAll ? "Nothing to do. Add your first task above." : "No task here.");
  $("empty").hidden = !isLoaded || count > 0;
  $("more").hidden = !list.hasMore;
}

function text(id, content) {
  if ($(id).textContent !== content) $(id).textContent = content; // live regions speak when they are written to
}

/** Read the list again; a second wish meanwhile is one more round afterwards. */
async function refresh() {
  if (!isEntered) return;
  if (asked.loading) {
    asked.again = true;
    return;
  }
  clearTimeout(retry);
  asked = { loading: list.refresh(), again: false };
  try {
    await asked.loading;
    if ($("who").hidden) await whoAmI();
    reachable();
    if (isEntered) live.open();
  } catch (error) {
    failed(error);
  }
  const { again } = asked;
  asked = { loading: null, again: false };
  show();
  if (again) refresh();
}

async function more() {
  if (isLoadingMore) return;
  isLoadingMore = true;
  try {
    await list.more();
  } catch (error) {
    failed(error);
  }
  isLoadingMore = false;
  show();
}

function failed(error) {
  if (error instanceof Unreachable) {
    unreachable(error);
    retry = setTimeout(refresh, patience.milliseconds(error.retryAfter));
  } else if (error instanceof Refused) {
    toast.say(error.message);
  } else if (!(error instanceof SignedOut)) {
    throw error;
  }
}

function unreachable(error) {
  $("outage").hidden = false;
  $("outage").querySelector("p").textContent = `${error.message} What you change is kept here and sent as soon as it can be.`;
}

function reachable() {
  patience.restore();
  $("outage").hidden = true;
}

function tryNow() {
  clearTimeout(retry);
  if (!isEntered) return isResumed || start();
  outbox.send();
  refresh();
}

outbox.addEventListener("changed", show);
outbox.addEventListener("acknowledged", () => {
  reachable();
  refresh();
});
outbox.addEventListener("unreachable", ({ detail }) => unreachable(detail));
outbox.addEventListener("conflict", ({ detail }) => ask(detail));
outbox.addEventListener("refused", ({ detail: { change, error } }) => giveBack(change, error));
$("outage").querySelector("button").addEventListener("click", tryNow);
$("more").addEventListener("click", more);
new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && more()).observe($("more"));
setInterval(() => document.visibilityState === "visible" && refresh(), REFRESH_MS);
addEventListener("focus", refresh);
addEventListener("online", tryNow);
addEventListener("pagehide", () => outbox.flush());
document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? refresh() : outbox.flush()));

// --- Changing ----------------------------------------------------------------------------------------------------

function add(body) {
  outbox.create(body);
  toast.say(`Added: ${body.title}`);
}

/** Put what the service refused back where it can be mended. */
function giveBack({ kind, base, body }, error) {
  if (kind === "delete") return toast.say(error.message);
  toast.say("Not saved.");
  if (kind === "change") return editor.refuse({ ...base, seen: base }, { ...base, ...body }, error);
  if (newTask.isEmpty) return newTask.refuse(body, error);
  return editor.refuse({ id: null, ...unset() }, body, error);
}

function complete(row) {
  const change = outbox.change(row, { completed: !row.completed });
  offerUndo(`${row.completed ? "Reopened" : "Done"}: ${row.title}`, () => revert(change));
}

function save(row, body) {
  const change = outbox.change(row, body);
  offerUndo(`Saved: ${body.title ?? row.title}`, () => revert(change));
}

function remove(row) {
  const deletion = outbox.delete(row);
  offerUndo(`Deleted: ${row.title}`, () => (outbox.undo(deletion) ? "The task is back." : "Too late: it is deleted."));
}

function revert(change) {
  outbox.revert(change);
  return "Taken back.";
}

/** `action()` takes back what was done, and returns what to say then. */
function offerUndo(message, action) {
  takeBack = action;
  toast.offerUndo(message);
}

function undo() {
  if (toast.isUndoOffered()) toast.say(takeBack());
}

function ask(change) {
  conflict.ask(change, (settled, mine) => {
    outbox.settle(settled, mine);
    if (!mine) refresh();
  });
}

/** Show another view. */
function look(view) {
  list.ask(view);
  refresh();
}

toast.onUndo(undo);
rows.listen({ complete, edit: (row) => editor.open(row), remove, choose: ({ change }) => ask(change) });

// --- The keyboard ------------------------------------------------------------------------------------------------

const withCurrent = (action) => () => {
  const row = rows.current();
  if (row) action(row);
};

const forMembers = (actions) =>
  Object.fromEntries(Object.entries(actions).map(([key, action]) => [key, () => isEntered && action()]));

keys.listen(
  forMembers({
    n: () => newTask.focus(),
    "/": () => query.focus(),
    j: () => rows.step(1),
    k: () => rows.step(-1),
    x: withCurrent(complete),
    e: withCurrent((row) => editor.open(row)),
    Delete: withCurrent(remove),
    u: undo,
    "?": () => $("help").showModal(),
  }),
);
$("help-button").addEventListener("click", () => $("help").showModal());

password.listen(session, passwordChanged);
mail.listen();
views.listen(
  () => isEntered && look(query.follow()),
  () => isEntered && query.keep(), // whose link it is has taken it out of the address
);
start();
