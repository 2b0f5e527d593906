// Signing in: with an account of this service, or with a token where accounts are kept elsewhere.

import { Refused } from "./api.js";
import { clearProblems, showProblems } from "./forms.js";
import * as elsewhere from "./provider.js";
import { t } from "./words.js";

const section = document.getElementById("sign-in");
const heading = document.getElementById("sign-in-heading");
const accountForm = document.getElementById("account-form");
const tokenForm = document.getElementById("token-form");
const providerForm = document.getElementById("provider-form");
const { accounts, passwords, provider } = document.documentElement.dataset;
const form = accounts !== "true" ? tokenForm : passwords === "true" ? accountForm : providerForm;
const submit = form.querySelector(".primary");
const change = accountForm.querySelector(".switch");
const shared = accountForm.querySelector(".check");
let invitation = null; // of a link, in memory only
let registering = false;

/** Open the form; `problem` is why a sign-in with the provider came to nothing. */
export function open(session, problem = null) {
  form.hidden = false;
  form.onsubmit = (event) => {
    event.preventDefault();
    enter(session);
  };
  providerForm.hidden = !provider;
  providerForm.onsubmit = (event) => {
    event.preventDefault();
    elsewhere.go(lasting());
  };
  if (form === providerForm) form.prepend(shared);
  providerForm.querySelector("button").textContent = t("Sign in with {provider}", { provider });
  change.onclick = () => become(!registering);
  become(invitation !== null);
  section.hidden = false;
  form.querySelector("input:not([type=checkbox]), textarea, button").focus();
  if (problem) showProblems(providerForm, problem);
}

/** Take an invitation out of the address, where the history of the browser would keep it. */
function follow() {
  const found = new URLSearchParams(location.hash.slice(1)).get("invitation");
  if (found === null) return;
  history.replaceState(null, "", location.href.split("#")[0]);
  if (form !== accountForm) return; // nobody registers here
  invitation = found;
  become(true);
}

export function close() {
  section.hidden = true;
  form.reset(); // no password stays behind
  clearProblems(providerForm);
}

function become(forNew) {
  if (form !== accountForm) return;
  registering = forNew;
  const name = forNew ? t("Create an account") : t("Sign in");
  heading.textContent = submit.textContent = name;
  change.textContent = forNew ? t("I have an account") : t("I have no account yet");
  accountForm.querySelectorAll(".for-new").forEach((element) => (element.hidden = !forNew));
  clearProblems(form);
  const { password } = accountForm.elements;
  password.autocomplete = forNew ? "new-password" : "current-password";
  password.dataset.rules = forNew ? "password-rules" : "";
  if (forNew) password.setAttribute("aria-describedby", "password-rules");
  else password.removeAttribute("aria-describedby");
}

async function enter(session) {
  clearProblems(form);
  submit.disabled = true;
  try {
    await signIn(session, new FormData(form));
    invitation = null; // used, or not needed
  } catch (error) {
    if (error.code === "EMAIL_NOT_VERIFIED") become(false); // the account is there
    showProblems(form, error.code === "EMAIL_TAKEN" ? { problems: [{ field: "email", message: error.message }] } : error);
  } finally {
    submit.disabled = false;
  }
}

function signIn(session, values) {
  if (form === tokenForm) return useToken(session, values.get("token").replace(/\s/g, ""));
  const [email, password, name] = ["email", "password", "name"].map((field) => values.get(field));
  if (!registering) return session.signIn(email.trim(), password, lasting());
  const account = { email: email.trim(), password, ...(name.trim() && { name }), ...(invitation && { invitation }) };
  return session.register(account, lasting());
}

/** Return how long the browser is to keep who is signed in. */
function lasting() {
  return shared.querySelector("input").checked ? "session" : "keep";
}

async function useToken(session, token) {
  if (!/^[\w.-]+$/.test(token)) throw new Refused(401, { detail: t("This is not an access token.") });
  await session.useToken(token);
}

addEventListener("hashchange", follow); // a link, where the page is open already
follow();
