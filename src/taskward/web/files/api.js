// One request to the API, and the three ways it can end: an answer, a refusal, or nobody who answers.

import { plural, t, told } from "./words.js";

/** The service said no, and will say so again: 4xx. */
export class Refused extends Error {
  constructor(status, { detail, code, errors = [], current = null }) {
    super(told(detail ?? t("Refused.")));
    this.status = status;
    this.code = code;
    this.problems = errors.map(({ field, message }) => ({ field, message: told(message) }));
    this.current = current;
  }
}

/** Nobody answered, or only to say: later. `retryAfter` is in seconds, 0 when nobody said. */
export class Unreachable extends Error {
  constructor(message, retryAfter = 0, isTooOften = false) {
    super(message);
    this.retryAfter = retryAfter;
    this.isTooOften = isTooOften;
  }
}

const KEPT_ALIVE = 16_000; // characters
const LATER = "IDEMPOTENCY_IN_PROGRESS";

/** What is kept or told in this browser has names that begin so: a proxy may show two services at one origin. */
export const HERE = `taskward${new URL(".", location).pathname.slice(0, -1)}`;

/** Return `{status, body, etag}`; raise Refused or Unreachable. */
export async function call(method, path, { json, form, token, cookie = false, headers = {}, signal } = {}) {
  const text = json && JSON.stringify(json);
  const [response, said] = await exchange(path, {
    method,
    headers: {
      ...headers,
      ...(json && { "Content-Type": "application/json" }),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    body: text ?? (form && new URLSearchParams(form)),
    cache: "no-store", // conditional requests are our own, and tasks stay out of the disk cache
    credentials: cookie ? "same-origin" : "omit",
    redirect: "error",
    signal,
    // What was begun is sent although the tab is being closed: browsers do that for 64 KiB, and refuse what is longer.
    keepalive: method !== "GET" && (text?.length ?? 0) < KEPT_ALIVE,
  });
  const body = parsed(said);
  if (response.status === 429) throw new Unreachable(tooOften(seconds(response)), seconds(response), true);
  if (response.status >= 500 || body?.code === LATER) {
    throw new Unreachable(body?.detail ? told(body.detail) : t("The service does not work right now."), seconds(response));
  }
  if (!response.ok && response.status !== 304) throw new Refused(response.status, body ?? {});
  return { status: response.status, body, etag: response.headers.get("ETag") };
}

/** What to say after too many tries, so many seconds before the next. */
export function tooOften(left) {
  if (!left) return t("Too many tries. Try again in a moment.");
  return plural(left, "Too many tries. Try again in {count} second.", "Too many tries. Try again in {count} seconds.");
}

async function exchange(path, options) {
  try {
    const response = await fetch(`.${path}`, options); // beside this document, wherever a proxy shows it
    return [response, await response.text()];
  } catch {
    throw new Unreachable(t("The service cannot be reached."));
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no content, or a proxy's own page
  }
}

function seconds(response) {
  return Number(response.headers.get("Retry-After")) || 0;
}

/** How long to wait before the next attempt: 1, 2, 4 … 30 seconds, and never less than the service asked for. */
export class Patience {
  #failures = 0;

  milliseconds(retryAfter) {
    this.#failures += 1;
    return 1000 * Math.max(retryAfter, Math.min(30, 2 ** (this.#failures - 1)));
  }

  restore() {
    this.#failures = 0;
  }
}
