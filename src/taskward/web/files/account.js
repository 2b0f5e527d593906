// The account's own screen. Each part of it asks the service for what it shows when the screen is opened, and forgets
// it when it is closed.

import * as data from "./account-data.js";
import * as sessions from "./account-sessions.js";
import * as tokens from "./account-tokens.js";
import { dayInWords, dayOf } from "./due.js";
import * as password from "./password.js";

const HAS_ACCOUNTS = document.documentElement.dataset.accounts === "true";
const dialog = document.getElementById("account");
const said = dialog.querySelector(".said");
const PARTS = [...(HAS_ACCOUNTS ? [sessions] : []), tokens, data];
let user = null;

/** Open whenever somebody asks for it; `deleted()` is called when the account is no more. */
export function listen(session, deleted) {
  document.getElementById("account-button").addEventListener("click", open);
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector("button.password").addEventListener("click", () => password.open());
  dialog.addEventListener("close", forget);
  for (const part of PARTS) part.listen(session, say, deleted);
}

/** Show who is signed in, as the service has told; null for nobody. */
export function know(found) {
  user = found;
}

function open() {
  show(user);
  for (const part of PARTS) part.open(user);
  dialog.showModal();
  dialog.scrollTop = 0;
}

export function close() {
  user = null;
  dialog.close();
  forget();
}

/** Say that the password is another one, with which other log-ins have ended. */
export function passwordChanged(message) {
  say(message);
  if (HAS_ACCOUNTS) sessions.open();
}

function show(found) {
  for (const name of ["name", "email", "id"]) fact(name, found?.[name]);
  fact("created_at", found?.created_at && dayInWords(dayOf(found.created_at)));
  dialog.querySelector("button.password").hidden = !found?.has_password;
}

function fact(name, value) {
  const element = dialog.querySelector(`.me dd.${name}`);
  element.textContent = value ?? "";
  element.parentElement.hidden = !value;
}

function forget() {
  show(null);
  say("");
  for (const part of PARTS) part.close();
}

function say(message) {
  said.textContent = message;
}
