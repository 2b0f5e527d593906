// What goes by mail, where it is sent: a link for a forgotten password, and proof of an address. A link's token is in
// memory only.

import { call } from "./api.js";
import { clearProblems, onSubmit } from "./forms.js";
import * as toast from "./toast.js";
import { t } from "./words.js";

const SENT = t("If there is an account with this address, a link is on its way to it, or came in the last 15 minutes.");
const PROVEN = t("Thank you. Your e-mail address is proven.");
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
  answer(forgotten, askForLink);
  answer(proof, prove);
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

/** Have a dialog do something, and say below what came of it. */
function answer(dialog, work) {
  const form = dialog.querySelector("form");
  onSubmit(form, async () => {
    const said = await work(form);
    dialog.close();
    toast.say(said);
  });
}
