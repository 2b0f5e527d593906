// Signing in with a provider: there, and back with a code. A verifier stays in this tab meanwhile (RFC 7636), so that
// nobody else's code signs anybody in here.

import { HERE, Refused } from "./api.js";
import { t } from "./words.js";

const VERIFIER = `${HERE}.verifier`;
const COOKIE = `${HERE}.cookie`; // how long the browser is to keep the sign-in
const PROBLEMS = {
  over: t("This sign-in is over, or was begun in another tab. Please sign in again."),
  denied: t("You have not let the provider say who you are. Nobody is signed in."),
  away: t("The provider does not answer. Please try again in a moment."),
  refused: t("The provider's answer cannot be trusted or used. Ask whoever runs this service."),
  closed: t("You have no account here, and nobody can register. Ask whoever runs this service."),
  disabled: t("Your account is disabled. Ask whoever runs this service."),
  busy: t("The service is busy at this moment. Please try again."),
  often: t("Too many sign-ins were tried from here. Please try again in a minute."),
};
let answer = follow();

/** Go to the provider; it comes back to the page. `cookie` is "keep" or, on a shared computer, "session". */
export async function go(cookie) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(VERIFIER, verifier);
  sessionStorage.setItem(COOKIE, cookie);
  location.assign(new URL(`auth/oidc/login?code_challenge=${base64url(new Uint8Array(digest))}`, document.baseURI));
}

/** Sign in with what the provider has answered, if it has; return whether somebody is. Raises Refused and Unreachable. */
export async function finish(session) {
  if (!answer) return false;
  const { code, error } = answer;
  const code_verifier = sessionStorage.getItem(VERIFIER);
  if (code && code_verifier) await session.signInByCode(code, code_verifier, sessionStorage.getItem(COOKIE) ?? "session");
  answer = null; // and not before: while the service is away, this is tried again
  sessionStorage.removeItem(VERIFIER);
  if (code && code_verifier) return true;
  throw new Refused(401, { detail: PROBLEMS[error] ?? PROBLEMS.over });
}

/** Take the answer out of the address, where the history of the browser would keep it. */
function follow() {
  const said = new URLSearchParams(location.hash.slice(1));
  const [code, error] = [said.get("log-in-code"), said.get("log-in-error")];
  if (code === null && error === null) return null;
  history.replaceState(null, "", location.href.split("#")[0]);
  return { code, error };
}

/** Forget an answer that the service has refused. */
export function forget() {
  answer = null;
  sessionStorage.removeItem(VERIFIER);
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
