// One line at the foot of the page that says what was just done, also to screen readers.

import { UNDO_MS } from "./outbox.js";

const toast = document.getElementById("toast");
const button = toast.querySelector("button");
let timer = null;

export function say(message) {
  show(message, false);
}

export function offerUndo(message) {
  show(message, true);
}

export function isUndoOffered() {
  return !button.hidden;
}

export function onUndo(action) {
  button.addEventListener("click", action);
}

function show(message, undo) {
  clearTimeout(timer);
  toast.querySelector("p").textContent = message;
  toast.classList.toggle("shown", Boolean(message));
  button.hidden = !undo;
  if (message) timer = setTimeout(say, UNDO_MS, "");
}
