// Who is signed in. The access token is in memory only, the refresh token in a cookie that no script can read.
//
// A refresh token is good once, and one that comes back late ends the session. So the tabs of a browser, which share
// the cookie, use it one at a time. Where people bring a token of a provider there is no cookie: tabs ask each other.

import { call, HERE, Refused } from "./api.js";

const HAS_ACCOUNTS = document.documentElement.dataset.accounts === "true";
const LEFT = `${HERE}.left`; // somebody has signed out, and the service does not know yet
const DEVICE = `${HERE}.device`; // shows that somebody has signed in here before; gives no access, names nobody
const TABS_ANSWER_MS = 150;

/** The session is over: somebody must sign in before anything else is sent. */
export class SignedOut extends Error {}

export class Session extends EventTarget {
  #tokens = null;
  #tabs = new BroadcastChannel(`${HERE}.session`);
  #unsent = 0; // other tabs that still have something to send before everybody signs out

  constructor() {
    super();
    this.#tabs.onmessage = ({ data }) => this.#hear(data);
    sessionStorage.removeItem(`${HERE}.refresh`); // where earlier versions kept the refresh token
  }

  get userId() {
    return this.#tokens?.user_id ?? null;
  }

  /** Go on as whoever is signed in in this browser; return whether that was possible. Raises Unreachable. */
  async resume() {
    if (!HAS_ACCOUNTS) {
      await this.#askTabs(null);
      return this.#tokens !== null;
    }
    try {
      await this.#renew(undefined);
      return true;
    } catch (error) {
      if (error instanceof SignedOut) return false;
      throw error;
    }
  }

  /** `cookie` is "keep" or, on a shared computer, "session". Raises Refused for wrong credentials, and Unreachable. */
  async signIn(email, password, cookie) {
    const device_token = localStorage.getItem(DEVICE) ?? "";
    const tokens = await oneTabAtATime(async () => {
      await finishSigningOut();
      return granted({ grant_type: "password", username: email, password, device_token, cookie });
    });
    this.#begin(tokens);
  }

  /** Sign in with the code of a provider, and the verifier that it was asked for with. Raises Refused and Unreachable. */
  async signInByCode(code, code_verifier, cookie) {
    const tokens = await oneTabAtATime(async () => {
      await finishSigningOut();
      return granted({ grant_type: "authorization_code", code, code_verifier, cookie });
    });
    this.#begin(tokens);
  }

  /** Raises Refused, for a taken address too, and Unreachable. */
  async register(account, cookie) {
    await call("POST", "/auth/register", { json: account });
    await this.signIn(account.email, account.password, cookie);
  }

  /** Sign in with an access token from elsewhere. Raises Refused and Unreachable. */
  async useToken(token) {
    const { body } = await call("GET", "/auth/me", { token });
    this.#begin({ user_id: body.id, access_token: token, since: Date.now() });
    this.#tell();
  }

  /** `call`, as whoever is signed in. Raises SignedOut too, also where they have left before the answer came. */
  async call(method, path, options) {
    const { userId } = this;
    const used = this.#tokens?.access_token;
    try {
      return await this.#callAs(userId, method, path, options);
    } catch (error) {
      if (!isEnded(error)) throw error;
      await this.#renew(used);
    }
    try {
      return await this.#callAs(userId, method, path, options);
    } catch (error) {
      throw isEnded(error) ? this.#ended() : error;
    }
  }

  /** Whoever has come meanwhile neither asks what this user wanted, nor sees the answer. */
  async #callAs(userId, method, path, options) {
    this.#mustBe(userId);
    const [{ reason, value }] = await Promise.allSettled([call(method, path, { ...options, token: this.#tokens.access_token })]);
    this.#mustBe(userId);
    if (reason) throw reason;
    return value;
  }

  #mustBe(userId) {
    if (userId === null || userId !== this.userId) throw new SignedOut();
  }

  /** Find out whether the log-in, if there is one, goes on. Raises SignedOut and Unreachable. */
  async verify() {
    if (this.#tokens) await this.#renew(this.#tokens.access_token);
  }

  /** Have this person's other tabs send what they have; return whether they did, those that are awake. */
  async othersEmptied(milliseconds) {
    this.#unsent = 0;
    this.#tabs.postMessage({ kind: "leaving", user_id: this.userId });
    await pause(TABS_ANSWER_MS);
    for (const deadline = Date.now() + milliseconds; this.#unsent > 0 && Date.now() < deadline; ) await pause(50);
    return this.#unsent <= 0;
  }

  /** Tell the tab that is about to sign out of something unsent here, or that there is no more of it. */
  tellUnsent(change) {
    this.#tabs.postMessage({ kind: "unsent", user_id: this.userId, change });
  }

  /** Sign out here and in every tab. `lose` says that the person knows of changes that are not sent. */
  async signOut(lose) {
    const { user_id } = this.#tokens;
    if (HAS_ACCOUNTS) localStorage.setItem(LEFT, "");
    this.#tabs.postMessage({ kind: "end", user_id, lose });
    this.#signedOut(lose);
    if (HAS_ACCOUNTS) await oneTabAtATime(finishSigningOut);
  }

  /** Have other tokens than the access token `used`, which is undefined where there is none yet. */
  async #renew(used) {
    if (HAS_ACCOUNTS) await oneTabAtATime(() => this.#tokens?.access_token === used && this.#useCookie());
    else await this.#askTabs(this.userId);
    if (!this.#tokens) throw new SignedOut();
    if (!HAS_ACCOUNTS && this.#tokens.access_token === used) throw this.#ended();
  }

  async #useCookie() {
    try {
      if (await finishSigningOut()) throw this.#over();
      const tokens = await granted({ grant_type: "refresh_token", cookie: "keep" });
      const isOther = this.#tokens && tokens.user_id !== this.userId; // another tab has signed in somebody else
      if (isOther || hasLeft()) throw this.#over();
      this.#tokens = tokens;
    } catch (error) {
      throw error instanceof Refused ? this.#over() : error;
    }
  }

  #begin(tokens) {
    this.#tokens = tokens;
    this.dispatchEvent(new Event("begin"));
  }

  #over() {
    return this.#tokens ? this.#ended() : new SignedOut();
  }

  /** Not only an end: what this person has here is to be forgotten, while it is still known whose it is. */
  #signedOut(lose) {
    this.dispatchEvent(new CustomEvent("forget", { detail: lose }));
    this.#ended();
  }

  #ended() {
    this.#tokens = null;
    this.dispatchEvent(new Event("end"));
    return new SignedOut();
  }

  /** Tell other tabs a token that its owner pasted here; never one of an account. */
  #tell() {
    this.#tabs.postMessage({ kind: "tokens", tokens: this.#tokens });
  }

  #hear({ kind, user_id, tokens, lose, change }) {
    if (user_id && user_id === this.userId) {
      if (kind === "end") this.#signedOut(lose);
      if (kind === "leaving") this.dispatchEvent(new Event("leaving"));
      if (kind === "unsent") this.#unsent += change;
    }
    if (!HAS_ACCOUNTS) this.#hearOfTokens(kind, user_id, tokens);
  }

  #hearOfTokens(kind, user_id, tokens) {
    if (kind === "ask" && this.#tokens && [null, this.userId].includes(user_id)) this.#tell();
    if (kind === "tokens" && tokens.user_id === this.userId && tokens.since >= this.#tokens.since) this.#tokens = tokens;
    if (kind === "tokens") this.dispatchEvent(new CustomEvent("told", { detail: tokens }));
  }

  /** Take the tokens of another tab of `userId`, or of anybody; a tab that does not answer at once is not there. */
  #askTabs(userId) {
    return new Promise((resolve) => {
      const hear = ({ detail: tokens }) => {
        if (!this.#tokens && [null, tokens.user_id].includes(userId)) this.#tokens = tokens;
        done();
      };
      const done = () => {
        this.removeEventListener("told", hear);
        resolve();
      };
      this.addEventListener("told", hear);
      setTimeout(done, TABS_ANSWER_MS);
      this.#tabs.postMessage({ kind: "ask", user_id: userId });
    });
  }
}

/** A wrong password beside a good token signs nobody out. */
function isEnded({ status, code }) {
  return status === 401 && code !== "CREDENTIALS_INVALID";
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function granted(form) {
  const { body } = await call("POST", "/auth/token", { form, cookie: true });
  const { user_id, access_token, device_token } = body;
  if (device_token) localStorage.setItem(DEVICE, device_token);
  return { user_id, access_token };
}

/** End the log-in of who has signed out, of which the service could not be told; return whether there was one. */
async function finishSigningOut() {
  if (!hasLeft()) return false;
  await call("POST", "/auth/revoke", { form: { cookie: "clear" }, cookie: true });
  localStorage.removeItem(LEFT);
  return true;
}

function hasLeft() {
  return localStorage.getItem(LEFT) !== null;
}

function oneTabAtATime(work) {
  // Browsers have locks on https and on this machine alone; elsewhere the service forgives a repeat for 10 seconds.
  return navigator.locks ? navigator.locks.request(`${HERE}.renew`, work) : work();
}
