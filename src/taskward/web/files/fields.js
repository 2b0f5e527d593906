// The fields that a person sets: the one list of the page. A form has an input of a field's name, a row an element of
// that class, or neither: then the value stays what it is. `unset` is what a task has when nothing is said, `parse`
// makes a value of what was typed, `words` shows it, and `none` is shown where there is nothing to compare with. What
// says nothing without another field `needs` it.

import { dayInWords, timeInWords } from "./due.js";
import * as dueWords from "./due-words.js";
import { separated } from "./tags.js";
import { t } from "./words.js";

const asTyped = (value) => (Array.isArray(value) ? value.join(", ") : (value ?? ""));
const textOrNull = (text) => (text.trim() ? text : null);
const PRIORITIES = { high: t("High priority"), medium: t("Medium priority"), low: t("Low priority") };

const FIELDS = [
  { name: "title", unset: "", parse: (text) => text.trim(), words: asTyped },
  { name: "description", unset: null, parse: textOrNull, words: asTyped, none: t("No description") },
  { name: "completed", unset: false, words: (value) => (value ? t("Done") : t("Open")) },
  { name: "due_date", unset: null, parse: textOrNull, words: (day) => (day ? t("Due {day}", { day: dayInWords(day) }) : ""), none: t("No day") },
  { name: "due_time", needs: "due_date", unset: null, parse: textOrNull, words: (time) => (time ? t("at {time}", { time: timeInWords(time) }) : ""), none: t("No time") },
  { name: "due_zone", needs: "due_time", unset: null, words: asTyped, none: t("No time zone") },
  { name: "priority", unset: null, parse: textOrNull, words: (value) => PRIORITIES[value] ?? "", none: t("No priority") },
  { name: "tags", unset: [], parse: separated, words: (tags) => (tags?.length ? t("Tags: {tags}", { tags: asTyped(tags) }) : ""), none: t("No tags") },
];
const NEEDY = FIELDS.filter(({ needs }) => needs);

/** What a task has of which nothing is said. */
export function unset() {
  return named(FIELDS, (field) => field.unset);
}

/** What it takes to make a task anew. */
export function settable(task) {
  return named(FIELDS, ({ name }) => task[name]);
}

/** Without what says nothing any more: where there is no day there is no time, and where no time no zone. */
export function whole(values) {
  const found = { ...values };
  for (const { name, needs } of NEEDY) if (name in found && found[needs] === null) found[name] = null;
  return found;
}

/** The change of a version that was seen, with what it needs of that and what is there now has no more. */
export function restored(body, seen, current) {
  const found = { ...body };
  for (const { name, needs } of NEEDY.toReversed()) {
    if (found[name] && !(needs in found) && current[needs] === null) found[needs] = seen[needs];
  }
  return found;
}

/** Whether two values of a field are the same. */
export function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Put values into the inputs, or what was typed there before. */
export function fill(form, values) {
  for (const { name } of inside(form)) form.elements[name].value = asTyped(values[name]);
  form.elements.due_words.value = values.due_words ?? "";
  dueWords.show(form);
}

/** What is typed, to be put back later, and those of `values` that have no input. */
export function typed(form, values) {
  const due_words = form.elements.due_words.value;
  return { ...beyond(form, values), ...named(inside(form), ({ name }) => form.elements[name].value), due_words };
}

/** What the service is to have: the values that are typed, and those of `values` that have no input. */
export function read(form, values) {
  return { ...beyond(form, values), ...named(inside(form), ({ name, parse }) => parse(form.elements[name].value)) };
}

/** What is wrong with what is typed, given what was there: told here, so that nothing of it is lost on the way. */
export function problemsOf(form, values, was = {}) {
  const found = inside(form)
    .filter(({ name }) => form.elements[name].validity.badInput) // half a date counts as none
    .map(({ name }) => ({ field: name, message: t("Complete this, or clear it") }));
  found.push(...dueWords.problems(form));
  if (!values.title) found.push({ field: "title", message: t("A task needs a title") });
  // Who clears the day clears the time that was there, but not one that was just typed.
  if (values.due_time && !values.due_date && !same(values.due_time, was.due_time)) {
    found.push({ field: "due_date", message: t("A time needs a day") });
  }
  return found;
}

/** Whether nothing is typed. */
export function isEmpty(form) {
  return !form.elements.due_words.value && inside(form).every(({ name }) => !form.elements[name].value);
}

/** For each element of a row that shows a field: the element, and the text. */
export function shown(item, task) {
  const elements = FIELDS.map(({ name, words }) => [item.querySelector(`.${name}`), words(task[name])]);
  return elements.filter(([element]) => element);
}

/** For each field that one of two versions has: the text that tells of it, and whether it differs from the other's. */
export function compared(task, other) {
  const there = FIELDS.filter(({ name, words }) => words(task[name]) || (other && words(other[name])));
  return there.map(({ name, words, none }) => [words(task[name]) || none, !other || !same(task[name], other[name])]);
}

function inside(form) {
  return FIELDS.filter(({ name }) => form.elements[name]);
}

function beyond(form, values) {
  const fields = FIELDS.filter(({ name }) => name in values && !form.elements[name]);
  return named(fields, ({ name }) => values[name]);
}

function named(fields, valueOf) {
  return Object.fromEntries(fields.map((field) => [field.name, valueOf(field)]));
}
