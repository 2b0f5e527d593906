// What forms have in common: problems beside their fields, and drafts that outlive a reload.

import { HERE } from "./api.js";

/** Show what the service said of each field, and the rest above them; put the cursor on the first problem. */
export function showProblems(form, error) {
  clearProblems(form);
  const left = [];
  for (const { field, message } of error.problems ?? []) {
    const input = form.elements[field === "username" ? "email" : field.split(".")[0]];
    if (input) mark(input, message);
    else left.push(message);
  }
  const general = form.querySelector(".form-problem");
  general.textContent = error.problems?.length ? left.join(" ") : error.message;
  general.hidden = !general.textContent;
  (form.querySelector('[aria-invalid="true"]') ?? form.querySelector("input:enabled:not([type=checkbox]), textarea, button"))?.focus();
}

function mark(input, message) {
  const problem = document.createElement("span");
  problem.className = "problem";
  problem.id = `${input.form.id}-${input.name}-problem`;
  problem.textContent = message;
  input.after(problem);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", problem.id);
}

export function clearProblems(form) {
  form.querySelectorAll(".problem").forEach((problem) => problem.remove());
  form.querySelectorAll("[aria-invalid]").forEach((input) => {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  });
  const general = form.querySelector(".form-problem");
  general.textContent = "";
  general.hidden = true;
}

/** Something not sent yet, kept in this tab under a name that has the user's id in it. */
export class Draft {
  #name;

  constructor(userId, name) {
    this.#name = `${HERE}.draft.${userId}.${name}`;
  }

  read() {
    return JSON.parse(sessionStorage.getItem(this.#name));
  }

  write(values) {
    sessionStorage.setItem(this.#name, JSON.stringify(values));
  }

  discard() {
    sessionStorage.removeItem(this.#name);
  }
}
