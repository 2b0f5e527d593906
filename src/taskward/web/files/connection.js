// Whether the service answers: what a person is told while it does not, and when it is asked again.

import { Patience, Refused, Unreachable } from "./api.js";
import { SignedOut } from "./session.js";
import * as toast from "./toast.js";

const outage = document.getElementById("outage");
const line = outage.querySelector("p");
const patience = new Patience();
let retry = null;
let consequence = () => "";
let problem = ""; // what was told last

export function reachable() {
  patience.restore();
  outage.hidden = true;
  line.textContent = "";
}

/** Tell that nobody answers, and what comes of that: it is the same whoever has asked. */
export function unreachable(error) {
  problem = error.message;
  outage.hidden = false;
  tell();
}

/** Tell it anew where something else comes of it now. */
export function tell() {
  const message = `${problem} ${consequence()}`;
  if (!outage.hidden && line.textContent !== message) line.textContent = message; // it speaks when it is written to
}

/** Tell why nothing was read, and where nobody answered, call `again()` later. */
export function failed(error, again) {
  if (error instanceof Unreachable) retryLater(error, again);
  else if (error instanceof Refused) toast.say(error.message);
  else if (!(error instanceof SignedOut)) throw error;
}

/** Tell that nobody answers, and call `again()` later. */
export function retryLater(error, again) {
  unreachable(error);
  retry = setTimeout(again, patience.milliseconds(error.retryAfter));
}

/** It is asked now: no retry is needed any more. */
export function stopRetrying() {
  clearTimeout(retry);
}

/** Call `again()` when a person wants it, or the browser is online again; `comesOfIt()` says what an outage means. */
export function listen(again, comesOfIt) {
  consequence = comesOfIt;
  const now = () => {
    stopRetrying();
    again();
  };
  outage.querySelector("button").addEventListener("click", now);
  addEventListener("online", now);
}
