// Whether the service answers: what a person is told while it does not, and when it is asked again.

import { Patience, Refused, Unreachable } from "./api.js";
import { SignedOut } from "./session.js";
import * as toast from "./toast.js";
import { t } from "./words.js";

const KEPT = t("What you change is kept here and sent as soon as it can be.");
const outage = document.getElementById("outage");
const patience = new Patience();
let retry = null;

export function reachable() {
  patience.restore();
  outage.hidden = true;
}

/** Tell that nobody answers, and what comes of that. */
export function unreachable(error, consequence = KEPT) {
  outage.hidden = false;
  outage.querySelector("p").textContent = `${error.message} ${consequence}`;
}

/** Tell why nothing was read, and where nobody answered, call `again()` later. */
export function failed(error, again) {
  if (error instanceof Unreachable) retryLater(error, again);
  else if (error instanceof Refused) toast.say(error.message);
  else if (!(error instanceof SignedOut)) throw error;
}

/** Tell that nobody answers, and call `again()` later. */
export function retryLater(error, again, consequence = KEPT) {
  unreachable(error, consequence);
  retry = setTimeout(again, patience.milliseconds(error.retryAfter));
}

/** It is asked now: no retry is needed any more. */
export function stopRetrying() {
  clearTimeout(retry);
}

/** Call `again()` when a person wants it, or the browser is online again. */
export function listen(again) {
  const now = () => {
    stopRetrying();
    again();
  };
  outage.querySelector("button").addEventListener("click", now);
  addEventListener("online", now);
}
