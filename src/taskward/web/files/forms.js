// What forms have in common: problems beside their fields, sentences that count down to when something may be tried
// again, and drafts that outlive a reload.

import { HERE, Refused, tooOften } from "./api.js";
import { t } from "./words.js";

const counting = new Map(); // timers, by the element that they write to

/** Do `work(value of the button)` when a primary button of a form is pressed, and show in the form what hinders it. */
export function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    if (!event.submitter?.matches(".primary")) return; // Cancel
    event.preventDefault();
    clearProblems(form);
    event.submitter.disabled = true;
    try {
      await work(event.submitter.value);
    } catch (error) {
      if (form.checkVisibility()) showProblems(form, error);
    } finally {
      event.submitter.disabled = false;
    }
  });
}

/** What the page refuses itself, or the service without naming the field. */
export function refusedBeside(field, message) {
  return new Refused(400, { detail: message, errors: [{ field, message }] });
}

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
  say(general, error.problems?.length ? { message: left.join(" ") } : error);
  (form.querySelector('[aria-invalid="true"]') ?? form.querySelector("input:enabled:not([type=checkbox]), textarea, button"))?.focus();
}

function mark(input, message) {
  const problem = document.createElement("span");
  problem.className = "problem";
  problem.id = `${input.form.id}-${input.name}-problem`;
  problem.textContent = message;
  input.after(problem);
  input.setAttribute("aria-invalid", "true");
  input.dataset.rules ??= input.getAttribute("aria-describedby") ?? "";
  input.setAttribute("aria-describedby", problem.id);
}

export function clearProblems(form) {
  form.querySelectorAll(".problem").forEach((problem) => problem.remove());
  form.querySelectorAll("[aria-invalid]").forEach((input) => {
    input.removeAttribute("aria-invalid");
    if (input.dataset.rules) input.setAttribute("aria-describedby", input.dataset.rules);
    else input.removeAttribute("aria-describedby");
  });
  say(form.querySelector(".form-problem"), null);
}

/** Say in an element what hinders something, or nothing. After too many tries, count down to the next. */
export function say(element, error) {
  clearInterval(counting.get(element));
  counting.delete(element);
  element.setAttribute("aria-live", "assertive");
  element.textContent = error?.message ?? "";
  element.hidden = !element.textContent;
  if (error?.isTooOften && error.retryAfter) countDown(element, Date.now() + 1000 * error.retryAfter);
}

function countDown(element, end) {
  const show = () => {
    const seconds = Math.ceil((end - Date.now()) / 1000);
    if (seconds <= 0) return say(element, { message: t("You can try again now.") });
    element.textContent = tooOften(seconds);
    element.setAttribute("aria-live", "off"); // it has been read out once
  };
  counting.set(element, setInterval(show, 1000));
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
    try {
      sessionStorage.setItem(this.#name, JSON.stringify(values));
    } catch {
      // The browser keeps no more: it is in the form, and here as it was before.
    }
  }

  discard() {
    sessionStorage.removeItem(this.#name);
  }
}
