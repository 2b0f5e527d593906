// What goes by mail, where it is sent: a link for a forgotten password, and proof of an address. A link's token is in
// memory only.

import { call } from "./api.js";
import { clearProblems, showProblems } from "./forms.js";
import * as toast from "./toast.js";

const SENT = "If there is an account with this address, a link is on its way to it, or came in the last 15 minutes.";
const PROVEN = "Thank you. Your e-mail address is proven.";
const forgotten = document.getElementById("forgotten");
const proof = document.getElementById("proof");
const signIn = document.getElementById("account-form");
const button = signIn.querySelector(".forgotten");
let token = null;

/** Open for a link, now and whenever one comes, and for who has forgotten a password. */
export function listen() {
  if (document.documentElement.dataset.mail !== "true") return;
  button.hidden = false;
  button.addEventListener("click", openForgotten);
  onSubmit(forgotten, askForLink);
  onSubmit(proof, prove);
  proof.addEventListener("close", () => proof.open || (token = null));
  addEventListener("hashchange", follow); // a link, where the page is open already
  follow();
}

function follow() {
  const found = new URLSearchParams(location.hash.slice(1));
  if (!found.has("verify") && !found.has("forgotten")) return;
  history.replaceState(null, "", location.href.split("#")[0]);
  token = found.get("verify");
  if (token === null) return openForgotten();
  clearProblems(proof.querySelector("form"));
  if (!proof.open) proof.showModal();
}

function openForgotten() {
  const { email } = forgotten.querySelector("form").elements;
  clearProblems(email.form);
  email.value = signIn.elements.email.value;
  if (!forgotten.open) forgotten.showModal();
  email.focus();
}

async function askForLink(form) {
  await call("POST", "/auth/password/forgot", { json: { email: form.elements.email.value.trim() } });
  return SENT;
}

async function prove() {
  await call("POST", "/auth/email/verify", { json: { token } });
  return PROVEN;
}

/** Have the primary button of a dialog do something, and say what came of it: below, or in the dialog. */
function onSubmit(dialog, work) {
  const form = dialog.querySelector("form");
  const submit = form.querySelector(".primary");
  form.addEventListener("submit", async (event) => {
    if (event.submitter !== submit) return; // Cancel
    event.preventDefault();
    clearProblems(form);
    submit.disabled = true;
    try {
      const said = await work(form);
      dialog.close();
      toast.say(said);
    } catch (error) {
      if (dialog.open) showProblems(form, error);
    } finally {
      submit.disabled = false;
    }
  });
}
