// The part of a long list that is in the document: the rows on the screen, and some before and after them. More would
// make every change slow. Padding stands for all others. What a person looks at stays where it is: browsers see to that
// only where rows come and go, not where they are replaced.

import * as rows from "./rows.js";

const MOST = 150; // and one that has the focus, wherever it is
const BEFORE = 50; // of them before the first on the screen
const NEAR_PX = 1000; // so near to the screen the next ones are brought in
const USUAL_PX = 64; // of a row that never was in the document
const heights = new Map(); // of those that were, by key
let all = [];
let total = 0;
let start = 0;
let isAwaited = false;

/** Show these rows, of `count` that there are. */
export function show(shown, count) {
  const focused = rows.focused();
  const seen = all.length ? rows.onScreen() : [];
  const places = new Map(shown.map(({ key }, index) => [key, index]));
  const anchor = steadiest(seen, places);
  const before = all;
  const wasInside = focused && isInside(focused.index);
  all = shown;
  total = count;
  start += anchor?.by ?? 0;
  render(wasInside ? undefined : places.get(focused?.key));
  keep(anchor);
  if (focused && !rows.focused()) focus(places.get(nextOf(focused, before, places)), { preventScroll: true });
  slide();
}

/** Begin at the first row: another list is going to be shown. */
export function restart() {
  all = [];
  start = 0;
}

/** Move the focus down or up. */
export function step(by) {
  const at = rows.focused()?.index;
  if (all.length) focus(at === undefined ? firstOnScreen() : at + by);
}

/** Put the focus on a row, or where the list would be. */
export function focus(index = 0, options = undefined) {
  const place = Math.max(0, Math.min(index, all.length - 1));
  if (all.length && !isInside(place)) {
    start = place - BEFORE;
    render();
  }
  rows.focus(all[place]?.key, options);
}

/** Bring in the rows that a person scrolls to. */
function slide() {
  if (!isNearTheEdge()) return;
  const before = start;
  start = within(firstOnScreen() - BEFORE);
  if (start === before) return;
  const [anchor] = rows.onScreen().filter(({ index }) => isInside(index));
  render(rows.focused()?.index);
  keep(anchor);
}

function isNearTheEdge() {
  const { top, bottom } = rows.edges();
  return (start > 0 && top > -NEAR_PX) || (end() < all.length && bottom < innerHeight + NEAR_PX);
}

/** Have those rows in the document, and beside them that of the index `kept`. */
function render(kept) {
  start = within(start);
  const part = all.slice(start, end()).map((row, index) => ({ row, index: start + index, top: null }));
  if (kept !== undefined && !isInside(kept)) {
    part.splice(kept < start ? 0 : part.length, 0, { row: all[kept], index: kept, top: height(0, kept) });
  }
  rows.show(part, total, height(0, start), height(end(), all.length));
  rows.heights().forEach(([key, pixels]) => heights.set(key, pixels));
}

/** Of the rows on the screen the one that moves as most of them do: one may have been moved by the change itself. */
function steadiest(seen, places) {
  const stay = seen.filter(({ key }) => places.has(key)).map((row) => ({ ...row, by: places.get(row.key) - row.index }));
  return stay.toSorted((one, other) => one.by - other.by)[stay.length >> 1];
}

/** The key of the row that stands where this one stood. */
function nextOf({ index }, before, places) {
  const others = [...before.slice(index + 1), ...before.slice(0, index).toReversed()];
  return others.find(({ key }) => places.has(key))?.key;
}

/** Scroll by as much as this row was moved. */
function keep(anchor) {
  const top = anchor && rows.topOf(anchor.key);
  if (Number.isFinite(top) && top !== anchor.top) scrollBy({ top: top - anchor.top, behavior: "instant" });
}

function firstOnScreen() {
  let bottom = rows.beginning();
  let index = -1;
  do bottom += heightOf(all[++index]);
  while (bottom <= 0 && index < all.length - 1);
  return index;
}

function height(from, to) {
  let pixels = 0;
  for (let index = from; index < to; index++) pixels += heightOf(all[index]);
  return pixels;
}

function heightOf({ key }) {
  return heights.get(key) ?? USUAL_PX;
}

function within(index) {
  return Math.max(0, Math.min(index, all.length - MOST));
}

function end() {
  return Math.min(all.length, start + MOST);
}

function isInside(index) {
  return index >= start && index < end();
}

function soon() {
  if (isAwaited) return;
  isAwaited = true;
  requestAnimationFrame(() => {
    isAwaited = false;
    slide();
  });
}

addEventListener("scroll", soon, { passive: true });
addEventListener("resize", () => {
  heights.clear();
  soon();
});
