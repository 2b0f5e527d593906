// Single keys as shortcuts, which a person can turn off (WCAG 2.2, 2.1.4).

import { HERE } from "./api.js";

const OFF = `${HERE}.no-shortcuts`;
const choice = document.getElementById("shortcuts");

/** Call `actions[key]()` for single keys that are typed into no field, while no dialogue or menu is open. */
export function listen(actions) {
  choice.checked = localStorage.getItem(OFF) === null;
  choice.addEventListener("change", () => {
    if (choice.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || !choice.checked || event.ctrlKey || event.metaKey || event.altKey || isBusy(event.target)) return;
    event.preventDefault();
    action();
  });
}

function isBusy(target) {
  return target.matches("input:not([type=checkbox], [type=radio]), textarea, select") || document.querySelector("dialog[open], :popover-open");
}
