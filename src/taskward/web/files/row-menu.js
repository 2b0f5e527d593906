// What can be done with a row, in a menu that all rows share.

const menu = document.getElementById("row-menu");
const items = [...menu.querySelectorAll("button")];
const STEPS = { ArrowDown: 1, ArrowUp: -1 };
let chosen = () => {};

/** Open it for the row of a button; `actions[name](row)` is called for what a person chooses. */
export function open(button, actions) {
  const item = button.closest("li");
  const { row } = item;
  chosen = (name) => {
    menu.hidePopover();
    actions[name](item.row.key === row.key ? item.row : row); // as it is now, unless another one has its place
  };
  menu.showPopover({ source: button });
  place(button.getBoundingClientRect());
  items[0].focus();
}

/** Below the button, or above it where there is no room. */
function place({ top, bottom, left, right }) {
  const { width, height } = menu.getBoundingClientRect();
  const isRightToLeft = getComputedStyle(menu).direction === "rtl";
  menu.style.left = `${Math.max(0, isRightToLeft ? left : right - width)}px`;
  menu.style.top = `${bottom + height > innerHeight ? top - height : bottom}px`;
}

menu.addEventListener("click", ({ target }) => target.matches("button") && chosen(target.value));
menu.addEventListener("keydown", (event) => {
  if (event.key === "Tab") menu.hidePopover();
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  const next = items.indexOf(document.activeElement) + STEPS[event.key];
  items.at(next % items.length).focus();
});
menu.addEventListener("focusout", ({ relatedTarget }) => menu.contains(relatedTarget) || menu.hidePopover());
addEventListener("scroll", () => menu.hidePopover(), { passive: true });
