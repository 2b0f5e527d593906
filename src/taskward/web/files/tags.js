// Tags: those that a person uses, offered where one is typed, and what can be done with lists of them.

import { t } from "./words.js";

const MOST = 20;
const LONGEST = 50;
const TOO_MANY = t("A task can have up to {most} tags", { most: MOST });
const TOO_LONG = t("A tag can have up to {most} characters", { most: LONGEST });
const offered = document.getElementById("known-tags");
const known = new Map(); // by what they are regardless of case

/** Learn the tags of these rows; return whether one of them is new. */
export function learn(rows) {
  const before = known.size;
  for (const { tags } of rows) {
    for (const each of tags ?? []) if (!known.has(each.toLowerCase())) known.set(each.toLowerCase(), each);
  }
  return known.size !== before;
}

export function forget() {
  known.clear();
  offered.replaceChildren();
}

/** All of them, sorted, and `another` where there is one. */
export function all(another = "") {
  const found = new Map(known);
  if (another) found.set(another.toLowerCase(), another);
  return [...found.values()].toSorted((one, other) => one.localeCompare(other));
}

/** Offer to complete the last tag that is typed into an input, which has commas between them. */
export function complete(input) {
  const offer = () => {
    const typed = separated(input.value).map((tag) => tag.toLowerCase());
    const head = input.value.slice(0, input.value.lastIndexOf(",") + 1);
    const others = all().filter((tag) => !typed.includes(tag.toLowerCase()));
    offered.replaceChildren(...others.map((tag) => new Option(tag, head ? `${head} ${tag}` : tag)));
  };
  input.setAttribute("list", offered.id);
  input.addEventListener("focus", offer);
  input.addEventListener("input", offer);
}

/** The tags in a text with commas between them. */
export function separated(text) {
  return text.split(",").map((tag) => tag.trim()).filter(Boolean);
}

/** These tags with others; no two that are alike but for their case. */
export function merged(tags, others) {
  const there = new Set(tags.map((tag) => tag.toLowerCase()));
  return [...tags, ...others.filter((tag) => !there.has(tag.toLowerCase()) && there.add(tag.toLowerCase()))];
}

export function without(tags, others) {
  const gone = new Set(others.map((tag) => tag.toLowerCase()));
  return tags.filter((tag) => !gone.has(tag.toLowerCase()));
}

/** What is wrong with lists of tags. */
export function problemsOfTags(lists) {
  const message = (lists.some((tags) => tags.length > MOST) && TOO_MANY) || (lists.flat().some(isLong) && TOO_LONG);
  return message ? [{ field: "tags", message }] : [];
}

function isLong(tag) {
  return [...tag].length > LONGEST; // characters, as the service counts them
}
