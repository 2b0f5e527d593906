// The rows on the screen. Every text of a user gets there as text, never as HTML.

import { dayInWords, dayOf, isOverdue } from "./due.js";
import { shown } from "./fields.js";
import { linked } from "./links.js";
import * as menu from "./row-menu.js";
import * as selection from "./selection.js";
import { t } from "./words.js";

const list = document.getElementById("rows");
const template = document.getElementById("row");
const WAITING = t("Not saved yet");
const CONFLICT = t("Changed elsewhere");

/**
 * Show these rows of a list of `total`: each is `{row, index, top}`, where `top` is null, or the place of one that is
 * away from the others. `above` and `below` are the heights, in pixels, of what is not there. Elements that stay are
 * kept, and with them the focus.
 */
export function show(rows, total, above, below) {
  const held = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const stay = new Set(rows.map(({ row }) => row.key));
  held.forEach((item, key) => stay.has(key) || item.remove()); // first, so that what stays need not move
  rows.forEach(({ row, index, top }, place) => {
    const item = held.get(row.key) ?? template.content.firstElementChild.cloneNode(true);
    if (item.row !== row) fill(item, row);
    number(item, index, total);
    markOne(item);
    item.classList.toggle("away", top !== null);
    item.style.top = top === null ? "" : `${top}px`;
    if (list.children[place] !== item) insert(item, place);
  });
  list.style.paddingBlock = `${above}px ${below}px`;
}

function insert(item, place) {
  const active = item.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(item, list.children[place] ?? null);
  active?.focus({ preventScroll: true }); // which an element loses when it moves
}

/** Say which of how many it is: most of the others are not in the document. */
function number(item, index, total) {
  item.index = index;
  item.setAttribute("aria-posinset", index + 1);
  item.setAttribute("aria-setsize", total);
}

/** Show which rows are selected. Who selects has other boxes before them, and the focus stays on a box. */
export function mark() {
  const at = document.activeElement?.closest("#rows input")?.closest("li");
  [...list.children].forEach(markOne);
  if (at && document.activeElement !== box(at)) box(at).focus({ preventScroll: true });
}

function markOne(item) {
  const isSelected = selection.has(item.dataset.key);
  item.classList.toggle("selected", isSelected);
  around(item.querySelector(".complete")).hidden = selection.isOn();
  around(item.querySelector(".pick")).hidden = !selection.isOn();
  item.querySelector(".pick").checked = isSelected;
}

function around(input) {
  return input.closest("label") ?? input;
}

/** The box that is there now. */
function box(item) {
  return item.querySelector(selection.isOn() ? ".pick" : ".complete");
}

function fill(item, row) {
  item.dataset.key = row.key;
  item.row = row;
  item.classList.toggle("done", row.completed);
  item.classList.toggle("overdue", isOverdue(row));
  item.querySelector(".complete").checked = row.completed;
  item.querySelector(".complete").setAttribute("aria-label", row.title);
  item.querySelector(".pick").setAttribute("aria-label", t("Select {title}", row));
  shown(item, row).forEach(([element, content]) => text(element, content, element.className === "description" ? linked : String));
  text(item.querySelector(".late"), isOverdue(row) ? t("Overdue") : "");
  text(item.querySelector(".completed_at"), row.completed && row.completed_at ? t("Done {day}", { day: dayInWords(dayOf(row.completed_at)) }) : "");
  item.querySelector(".actions").setAttribute("aria-label", t("Actions for {title}", row));
  const conflict = row.change?.state === "conflict";
  text(item.querySelector(".state"), conflict ? CONFLICT : row.change ? WAITING : "");
  item.querySelector(".choose").hidden = !conflict;
}

function text(element, content, made = String) {
  if (element.textContent !== content) element.replaceChildren(...[made(content)].flat());
  element.hidden = !content;
}

// --- Where they are ----------------------------------------------------------------------------------------------

/** Those that a person sees, as `{key, index, top}`; none where the list begins on the screen, and may grow there. */
export function onScreen() {
  if (beginning() >= 0) return [];
  return together()
    .map((item) => ({ key: item.dataset.key, index: item.index, ...sides(item) }))
    .filter(({ top, bottom }) => bottom > 0 && top < innerHeight);
}

/** Where the list begins, in pixels from the top of the screen. */
export function beginning() {
  return list.getBoundingClientRect().top;
}

export function topOf(key) {
  const item = find(key);
  return item && sides(item).top;
}

/** Where the first begins and the last ends. */
export function edges() {
  const items = together();
  return items.length ? { top: sides(items[0]).top, bottom: sides(items.at(-1)).bottom } : { top: 0, bottom: 0 };
}

export function heights() {
  return together().map((item) => [item.dataset.key, item.getBoundingClientRect().height]);
}

function together() {
  return [...list.children].filter((item) => !item.classList.contains("away"));
}

function sides(item) {
  const { top, bottom } = item.getBoundingClientRect();
  return { top, bottom };
}

function find(key) {
  return [...list.children].find((item) => item.dataset.key === key);
}

// --- The focus ---------------------------------------------------------------------------------------------------

/** Put the focus on a row, or where the list would be. */
export function focus(key, options) {
  const item = find(key);
  (item ? box(item) : document.querySelector("#new-form input")).focus(options);
}

/** The one that has the focus, as `{key, index, row}`, or null. */
export function focused() {
  const item = document.activeElement?.closest("#rows li");
  return item ? { key: item.dataset.key, index: item.index, row: item.row } : null;
}

/** Call `complete(row)`, `edit(row)`, `remove(row)`, `choose(row)` as people ask for it. */
export function listen({ complete, edit, remove, choose }) {
  list.addEventListener("change", ({ target }) => target.matches(".complete") && complete(target.closest("li").row));
  list.addEventListener("click", ({ target }) => {
    if (target.matches(".choose")) choose(target.closest("li").row);
    if (target.matches(".actions")) menu.open(target, { edit, remove });
  });
}

/** Call `select(row, isRange)` as people ask for it: by the boxes, or with Shift, Ctrl or ⌘ anywhere on a row. */
export function listenToSelecting(select) {
  list.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // it would mark the text
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item && isToSelect(event)) select(item.row, event.shiftKey);
  });
}

function isToSelect({ target, shiftKey, ctrlKey, metaKey }) {
  return target.matches(".pick") || ((shiftKey || ctrlKey || metaKey) && !target.closest("a, button, label"));
}
