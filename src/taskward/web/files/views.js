// The views of the list, and the address that keeps them: after "#", where no server sees what people search for.

import { tomorrow, today } from "./due.js";

// `asks` is what the service is asked, `has` the same of a task that only this tab knows, `sort` the order to begin with.
const VIEWS = {
  today: {
    sort: "due",
    asks: () => ({ status: "pending", due_to: today() }),
    has: ({ completed, due_date }) => !completed && Boolean(due_date) && due_date <= today(),
  },
  upcoming: {
    sort: "due",
    asks: () => ({ status: "pending", due_from: tomorrow() }),
    has: ({ completed, due_date }) => !completed && Boolean(due_date) && due_date > today(),
  },
  all: { sort: "created", asks: () => ({ status: "all" }), has: () => true },
  open: { sort: "created", asks: () => ({ status: "pending" }), has: ({ completed }) => !completed },
  done: { sort: "created", asks: () => ({ status: "completed" }), has: ({ completed }) => completed },
};
const SORTS = ["created", "updated", "title", "due", "priority"];
const DOWN = new Set(["created", "updated"]); // what the service begins at the end of
const LINKS = ["reset", "verify", "forgotten", "invitation"]; // addresses that others take care of

/** The view with which everybody begins. */
export const FIRST = Object.freeze({ view: "all", tag: "", q: "", sort: "created", reverse: false });

/** The parameters with which the service is asked for a view, today. */
export function parameters({ view, tag, q, sort, reverse }) {
  return {
    ...VIEWS[view].asks(),
    sort,
    ...(q.trim() && { q }),
    ...(tag && { tags: tag }),
    ...(reverse && { order: DOWN.has(sort) ? "asc" : "desc" }),
  };
}

/** Whether a task is in a view, as far as this can be told here: the service alone searches. */
export function has({ view, tag }, task) {
  const isTagged = !tag || (task.tags ?? []).some((each) => each.toLowerCase() === tag.toLowerCase());
  return VIEWS[view].has(task) && isTagged;
}

/** The view after a choice: another one begins in its own order, unless the person has chosen one. */
export function chosen(before, after) {
  const isOwn = before.sort === VIEWS[before.view].sort && after.sort === before.sort;
  return isOwn ? { ...after, sort: VIEWS[after.view].sort } : after;
}

/** The view in the address, as far as it is one. */
export function read() {
  const said = new URLSearchParams(location.hash.slice(1));
  const view = Object.hasOwn(VIEWS, said.get("view")) ? said.get("view") : FIRST.view;
  const sort = SORTS.includes(said.get("sort")) ? said.get("sort") : VIEWS[view].sort;
  const tag = said.get("tag") ?? "";
  return { view, tag, q: (said.get("q") ?? "").slice(0, 200), sort, reverse: said.get("reverse") === "yes" };
}

/** Put a view into the address: a step of its own that Back undoes, unless it only `replaces` what is there. */
export function write({ view, tag, q, sort, reverse }, replaces) {
  const said = {
    ...(view !== FIRST.view && { view }),
    ...(tag && { tag }),
    ...(q.trim() && { q }),
    ...(sort !== VIEWS[view].sort && { sort }),
    ...(reverse && { reverse: "yes" }),
  };
  const hash = new URLSearchParams(said).toString();
  const address = location.href.split("#")[0] + (hash && `#${hash}`);
  if (address !== location.href) history[replaces ? "replaceState" : "pushState"](null, "", address);
}

/** Call `changed()` when Back, a bookmark or a hand brings another view into the address, and not for other links. */
export function listen(changed, isOther) {
  addEventListener("hashchange", ({ newURL }) => {
    const said = new URLSearchParams(newURL.split("#")[1] ?? "");
    if (LINKS.some((name) => said.has(name))) isOther();
    else changed();
  });
}
