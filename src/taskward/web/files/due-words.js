// Days and times in words: "today", "fri 18:00", "24.12.". What is understood goes into the inputs of day and time, and
// is shown back as the date that it means.

import { dayInFull, daysAfter, timeInWords, today } from "./due.js";
import { locale, t } from "./words.js";

const UNDERSTOOD = t("Write today, tomorrow, fri, 24.12. or 2026-12-24, and a time such as 18:00 if you like");
const TODAY = ["today", typed(t("today"))];
const TOMORROW = ["tomorrow", typed(t("tomorrow"))];
const SUNDAY = "2023-01-01"; // some Sunday
const WEEKDAYS = ["en", locale].flatMap((language) => {
  const name = new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" });
  return [0, 1, 2, 3, 4, 5, 6].map((days) => [name.format(new Date(`${daysAfter(SUNDAY, days)}T00:00Z`)).toLowerCase(), days]);
});

/** What words mean, as `{due_date, due_time}`, or null. */
export function understood(text) {
  const words = typed(text.trim().toLowerCase());
  const [, said, hour, minute, half] = /^(.*?)(?:(?:^|\s+)(?:at\s+)?(\d{1,2})(?::(\d\d))?\s?(am|pm)?)?$/.exec(words);
  const isTime = hour !== undefined && (minute !== undefined || half !== undefined);
  const due_time = isTime ? clock(Number(hour), minute ?? "00", half) : null;
  const due_date = isTime ? (said ? day(said) : today()) : day(words);
  return due_date === null || (isTime && due_time === null) ? null : { due_date, due_time };
}

/** As keyboards write it: "aujourd'hui". */
function typed(text) {
  return text.replaceAll("’", "'");
}

function clock(hour, minute, half) {
  if (half && (hour < 1 || hour > 12)) return null;
  const found = half ? (hour % 12) + (half === "pm" ? 12 : 0) : hour;
  return found < 24 && Number(minute) < 60 ? `${String(found).padStart(2, "0")}:${minute}` : null;
}

function day(words) {
  if (TODAY.includes(words)) return today();
  if (TOMORROW.includes(words)) return daysAfter(today(), 1);
  const weekday = words.length >= 2 && WEEKDAYS.find(([name]) => name.startsWith(words.replace(/\.$/, "")));
  if (weekday) return daysAfter(today(), (weekday[1] - new Date(`${today()}T00:00Z`).getUTCDay() + 6) % 7 + 1);
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(words) ?? [];
  if (year) return existing(year, month, date);
  const [, dayOfMonth, ofYear, inYear] = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})?$/.exec(words) ?? [];
  return dayOfMonth ? next(dayOfMonth, ofYear, inYear) : null;
}

/** The next such day of a year, unless the year is said; 29 February can be some years away. */
function next(date, month, year) {
  const first = Number(year ?? today().slice(0, 4));
  const years = year ? [first] : [0, 1, 2, 3, 4, 5, 6, 7, 8].map((later) => first + later);
  const days = years.map((each) => existing(each, month, date)).filter(Boolean);
  return days.find((each) => year || each >= today()) ?? null;
}

function existing(year, month, date) {
  const text = `${year}-${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`;
  const instant = new Date(`${text}T00:00Z`);
  return text >= "1900" && !Number.isNaN(instant.valueOf()) && instant.toISOString().startsWith(text) ? text : null;
}

/** What is wrong with the words in a form. */
export function problems({ elements: { due_words } }) {
  const isWrong = due_words?.value.trim() && !understood(due_words.value);
  return isWrong ? [{ field: "due_words", message: UNDERSTOOD }] : [];
}

/** Let the words of a form set its day and time, until one of these is set by hand. */
export function listen(form) {
  const { due_words, due_date, due_time } = form.elements;
  let before = null;
  due_words.addEventListener("input", () => {
    before ??= [due_date.value, due_time.value];
    const isEmpty = !due_words.value.trim();
    const meant = isEmpty ? null : understood(due_words.value);
    due_date.value = meant ? meant.due_date : before[0];
    due_time.value = meant ? (meant.due_time ?? "") : before[1];
    if (isEmpty) before = null;
    show(form);
  });
  for (const input of [due_date, due_time]) {
    input.addEventListener("input", () => {
      before = null;
      due_words.value = "";
      show(form);
    });
  }
}

/** Show back what the words mean. */
export function show(form) {
  const words = form.elements.due_words.value;
  const meant = words.trim() ? understood(words) : null;
  const said = meant && [dayInFull(meant.due_date), timeInWords(meant.due_time)].filter(Boolean).join(", ");
  form.querySelector(".meaning").textContent = said ?? (words.trim() ? `${UNDERSTOOD}.` : "");
}
