// The rows that a person has selected, by key, and whether people are selecting at all.

export const MOST = 1000; // so that the outbox has room for what is done to all of them
const keys = new Set();
let from = null; // where a range begins
let isSelecting = false;

export function isOn() {
  return isSelecting;
}

export function size() {
  return keys.size;
}

export function has(key) {
  return keys.has(key);
}

export function start() {
  isSelecting = true;
}

export function stop() {
  isSelecting = false;
  from = null;
  keys.clear();
}

/** Select a row, or no longer. */
export function toggle(key) {
  isSelecting = true;
  if (!keys.delete(key)) keys.add(key);
  from = key;
}

/** Select all from the row that was selected last to this one, in the order of all rows; return whether all fit in. */
export function extend(key, order) {
  isSelecting = true;
  const ends = [order.indexOf(from), order.indexOf(key)].filter((place) => place >= 0);
  const others = order.slice(Math.min(...ends), Math.max(...ends) + 1).filter((each) => !keys.has(each));
  const fitting = others.slice(0, MOST - keys.size);
  fitting.forEach((each) => keys.add(each));
  from ??= key;
  return fitting.length === others.length;
}

/** Forget those that are not there any more. */
export function keep(order) {
  if (!keys.size) return;
  const there = new Set(order);
  for (const key of keys) if (!there.has(key)) keys.delete(key);
}
