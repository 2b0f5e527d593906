// The fields that a person sets: the one list of the page. A form has an input of a field's name, a row an element of
// that class, or neither: then the value stays what it is. `unset` is what a task has when nothing is said, `parse`
// makes a value of what was typed, `words` shows it, and `none` is shown where there is nothing to compare with.

const asTyped = (value) => value ?? "";
const textOrNull = (text) => (text.trim() ? text : null);

const FIELDS = [
  { name: "title", unset: "", parse: (text) => text.trim(), words: asTyped },
  { name: "description", unset: null, parse: textOrNull, words: asTyped, none: "No description" },
  { name: "completed", unset: false, words: (value) => (value ? "Done" : "Open") },
];

/** What a task has of which nothing is said. */
export function unset() {
  return named(FIELDS, (field) => field.unset);
}

/** What it takes to make a task anew. */
export function settable(task) {
  return named(FIELDS, ({ name }) => task[name]);
}

/** Whether two values of a field are the same. */
export function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Put values into the inputs, or what was typed there before. */
export function fill(form, values) {
  for (const { name } of inside(form)) form.elements[name].value = asTyped(values[name]);
}

/** What is typed, to be put back later, and those of `values` that have no input. */
export function typed(form, values) {
  return { ...beyond(form, values), ...named(inside(form), ({ name }) => form.elements[name].value) };
}

/** What the service is to have: the values that are typed, and those of `values` that have no input. */
export function read(form, values) {
  return { ...beyond(form, values), ...named(inside(form), ({ name, parse }) => parse(form.elements[name].value)) };
}

/** Whether nothing is typed. */
export function isEmpty(form) {
  return inside(form).every(({ name }) => !form.elements[name].value);
}

/** For each element of a row that shows a field: the element, and the text. */
export function shown(item, task) {
  const elements = FIELDS.map(({ name, words }) => [item.querySelector(`p.${name}`), words(task[name])]);
  return elements.filter(([element]) => element);
}

/** For each field the text that tells of it, and whether it differs from that of another version. */
export function compared(task, other) {
  return FIELDS.map(({ name, words, none }) => [words(task[name]) || none, !other || !same(task[name], other[name])]);
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
