// A new password, by a link that is good once. What the link has is in memory only, until this is done or given up.

import { call } from "./api.js";
import { clearProblems, showProblems } from "./forms.js";

const OVER = "Whoever runs this service makes them. If you have just used this one, sign in with the new password.";
const dialog = document.getElementById("password");
const form = dialog.querySelector("form");
const submit = form.querySelector(".primary");
let token = null;

/** Open for a link, now and whenever one comes; call `changed()` when the service has the new password. */
export function listen(changed) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(changed);
  });
  form.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.open || empty(null)); // Escape, too
  addEventListener("hashchange", follow); // a link that is opened where the page is already
  follow();
}

function follow() {
  const found = new URLSearchParams(location.hash.slice(1)).get("reset");
  if (found === null) return;
  history.replaceState(null, "", location.href.split("#")[0]);
  open(found);
}

function open(link) {
  empty(link);
  if (!dialog.open) dialog.showModal();
  form.elements.password.focus();
}

function empty(link) {
  token = link;
  form.reset(); // no password stays behind
  clearProblems(form);
}

async function send(changed) {
  clearProblems(form);
  submit.disabled = true;
  try {
    await call("POST", "/auth/password/reset", { json: { token, password: form.elements.password.value } });
    dialog.close();
    changed();
  } catch (error) {
    if (dialog.open) showProblems(form, explained(error));
  } finally {
    submit.disabled = false;
  }
}

function explained(error) {
  return error.code === "CREDENTIALS_INVALID" ? { message: `${error.message} ${OVER}` } : error;
}
