// The list on the screen. Every text of a user gets there as text, never as HTML.

import { dayInWords, dayOf, isOverdue } from "./due.js";
import { shown } from "./fields.js";
import { linked } from "./links.js";
import * as menu from "./row-menu.js";

const list = document.getElementById("rows");
const template = document.getElementById("row");
const WAITING = "Not saved yet";
const CONFLICT = "Changed elsewhere";

/** Show these rows. Elements that stay are kept, and with them the focus. */
export function show(rows) {
  const focused = document.activeElement?.closest("#rows li");
  const position = [...list.children].indexOf(focused);
  const held = new Map([...list.children].map((item) => [item.dataset.key, item]));
  rows.forEach((row, index) => {
    const item = held.get(row.key) ?? template.content.firstElementChild.cloneNode(true);
    held.delete(row.key);
    fill(item, row);
    if (list.children[index] !== item) place(item, index);
  });
  held.forEach((item) => item.remove());
  if (focused && !focused.isConnected) focus(Math.min(position, rows.length - 1));
}

function place(item, index) {
  const active = item.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(item, list.children[index] ?? null);
  active?.focus(); // which an element loses when it moves
}

function fill(item, row) {
  item.dataset.key = row.key;
  item.row = row;
  item.classList.toggle("done", row.completed);
  item.classList.toggle("overdue", isOverdue(row));
  const box = item.querySelector("input");
  box.checked = row.completed;
  box.setAttribute("aria-label", row.title);
  shown(item, row).forEach(([element, content]) => text(element, content, element.className === "description" ? linked : String));
  text(item.querySelector(".late"), isOverdue(row) ? "Overdue" : "");
  text(item.querySelector(".completed_at"), row.completed && row.completed_at ? `Done ${dayInWords(dayOf(row.completed_at))}` : "");
  item.querySelector(".actions").setAttribute("aria-label", `Actions for ${row.title}`);
  const conflict = row.change?.state === "conflict";
  text(item.querySelector(".state"), conflict ? CONFLICT : row.change ? WAITING : "");
  item.querySelector(".choose").hidden = !conflict;
}

function text(element, content, made = String) {
  if (element.textContent !== content) element.replaceChildren(...[made(content)].flat());
  element.hidden = !content;
}

/** Put the focus on a row, or where the list would be. */
export function focus(index) {
  const item = list.children[index];
  (item?.querySelector("input") ?? document.querySelector("#new-form input")).focus();
}

/** Move the focus down or up. */
export function step(by) {
  const at = [...list.children].indexOf(document.activeElement?.closest("#rows li"));
  if (list.children.length) focus(at < 0 ? 0 : Math.max(0, Math.min(at + by, list.children.length - 1)));
}

/** The row that has the focus, or null. */
export function current() {
  return document.activeElement?.closest("#rows li")?.row ?? null;
}

/** Call `complete(row)`, `edit(row)`, `remove(row)`, `choose(row)` as people ask for it. */
export function listen({ complete, edit, remove, choose }) {
  list.addEventListener("change", ({ target }) => complete(target.closest("li").row));
  list.addEventListener("click", ({ target }) => {
    if (target.matches(".choose")) choose(target.closest("li").row);
    if (target.matches(".actions")) menu.open(target, { edit, remove });
  });
}
