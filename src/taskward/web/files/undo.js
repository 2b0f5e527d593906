// What was done last, for as long as it can be taken back.

import * as toast from "./toast.js";

let takeBack = () => "";

/** `action()` takes back what was done, and returns what to say then. */
export function offer(message, action) {
  takeBack = action;
  toast.offerUndo(message);
}

export function undo() {
  if (toast.isUndoOffered()) toast.say(takeBack());
}

export function close() {
  takeBack = () => "";
  toast.say("");
}

toast.onUndo(undo);
