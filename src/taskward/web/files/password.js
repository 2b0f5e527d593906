// A new password, for the current one or by a link that is good once. What the link has is in memory only.

import { call } from "./api.js";
import { clearProblems, onSubmit } from "./forms.js";
import { t } from "./words.js";

const MADE = document.documentElement.dataset.mail === "true" ? "" : t("Whoever runs this service makes them.");
const OVER = `${MADE} ${t("If you have just used this one, sign in.")}`.trim();
const dialog = document.getElementById("password");
const form = dialog.querySelector("form");
const { current, new: chosen } = form.elements;
let token = null; // of a link

/** Open for a link, now and whenever one comes; call `changed(byLink)` when the service has the new password. */
export function listen(session, changed) {
  onSubmit(form, () => send(session, changed));
  dialog.addEventListener("close", () => dialog.open || empty(null));
  addEventListener("hashchange", follow); // a link, where the page is open already
  follow();
}

function follow() {
  const found = new URLSearchParams(location.hash.slice(1)).get("reset");
  if (found === null) return;
  history.replaceState(null, "", location.href.split("#")[0]);
  open(found);
}

/** Open for who is signed in, or for what a link has. */
export function open(link = null) {
  empty(link);
  current.disabled = current.parentElement.hidden = link !== null;
  chosen.name = link === null ? "new" : "password"; // as the service calls it
  if (!dialog.open) dialog.showModal();
  form.querySelector("input:enabled").focus();
}

/** Close when somebody signs out; a link is for anybody. */
export function close() {
  if (token === null) dialog.close();
}

function empty(link) {
  token = link;
  form.reset(); // no password stays behind
  clearProblems(form);
}

async function send(session, changed) {
  const byLink = token !== null;
  const json = Object.fromEntries(new FormData(form));
  try {
    if (byLink) await call("POST", "/auth/password/reset", { json: { token, ...json } });
    else await session.call("POST", "/auth/password", { json });
  } catch (error) {
    throw explained(error, byLink);
  }
  dialog.close();
  changed(byLink);
}

function explained(error, byLink) {
  const { code, message } = error;
  if (code !== "CREDENTIALS_INVALID") return error;
  return byLink ? { message: `${message} ${OVER}` } : { problems: [{ field: "current", message }] };
}
