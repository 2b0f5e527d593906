// When a task is due: a calendar day, perhaps with a time of that day, in the task's own time zone or else wherever the
// person is. It is shown as it was said. Made an instant first, a day could become the one before.

import { locale } from "./words.js";

const DAY = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
const day = new Intl.DateTimeFormat(locale, DAY);
const dayAndYear = new Intl.DateTimeFormat(locale, { ...DAY, year: "numeric" });
const time = new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone: "UTC" });
const clocks = new Map(); // one for each zone: they take long to make

/** A day such as "2026-11-27" as people here write it, with the year unless it is this one. */
export function dayInWords(text) {
  return text ? (text.startsWith(now().slice(0, 4)) ? day : dayAndYear).format(new Date(`${text}T00:00Z`)) : "";
}

/** The same with its year in any case. */
export function dayInFull(text) {
  return dayAndYear.format(new Date(`${text}T00:00Z`));
}

/** A time such as "18:00" as people here write it. */
export function timeInWords(text) {
  return text ? time.format(new Date(`1970-01-01T${text}Z`)) : "";
}

/** The day, here, of an instant. */
export function dayOf(instant) {
  return now(undefined, new Date(instant)).slice(0, 10);
}

/** The day that it is here. */
export function today() {
  return dayOf(Date.now());
}

/** The day after it, by the calendar: not each day has 24 hours. */
export function tomorrow() {
  return daysAfter(today(), 1);
}

/** The day so many days after a day. */
export function daysAfter(text, days) {
  return new Date(Date.parse(`${text}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Whether an open task's day, or the minute on it, is over. */
export function isOverdue({ completed, due_date, due_time, due_zone }) {
  return !completed && Boolean(due_date) && `${due_date} ${due_time ?? "24:00"}` < now(due_zone ?? undefined);
}

/** Date and time in a zone, as "2026-11-27 18:00": they can be compared. */
function now(zone, instant = new Date()) {
  if (!clocks.has(zone)) clocks.set(zone, clock(zone));
  return clocks.get(zone).format(instant);
}

function clock(timeZone) {
  try {
    return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone }); // as the Swedes write it
  } catch {
    return clock(undefined); // a zone that the service knows, and this browser does not
  }
}
