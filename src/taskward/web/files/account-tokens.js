// Personal tokens, and the calendar link, which is a token that stands in an address. The service shows each once, and
// here it is in memory for as long as the screen is open.

import { AccountList } from "./account-list.js";
import { dayInWords, dayOf } from "./due.js";
import { clearProblems, onSubmit, refusedBeside } from "./forms.js";
import { t } from "./words.js";

const CALENDAR = "calendar";
const CALENDAR_DAYS = 366; // as long as the service allows: a calendar cannot ask for another link
const MAY = { "tasks:read": t("may read tasks"), "tasks:write": t("may read and change tasks") };
const parts = [];

export function listen(session, say) {
  const account = document.getElementById("account");
  parts.push(
    new Part(account.querySelector(".tokens"), session, say, { asked: ofProgram, shown: ({ token }) => token, ends: t("Revoke") }),
    new Part(account.querySelector(".calendar"), session, say, { asked: ofCalendar, shown: linkOf, ends: t("End"), isLink: true }),
  );
}

function ofCalendar() {
  return { name: t("Calendar"), scopes: [CALENDAR], expires_in_days: CALENDAR_DAYS };
}

function ofProgram({ name, scopes, expires_in_days }) {
  if (!name.trim()) throw refusedBeside("name", t("Say what it is for, so that you know it again"));
  return { name, scopes: [scopes], expires_in_days: Number(expires_in_days) };
}

export function open() {
  for (const part of parts) part.open();
}

export function close() {
  for (const part of parts) part.close();
}

/** Tokens of one kind: their list, the form that makes one, and the one that was just made. */
class Part {
  #form;
  #once;
  #shown;
  #list;

  /** `asked(values)` is what the service is asked to make, `shown(made)` what the person copies. */
  constructor(section, session, say, { asked, shown, ends, isLink = false }) {
    this.#once = section.querySelector(".once");
    this.#shown = shown;
    this.#list = new AccountList(section, {
      read: async () => (await session.call("GET", "/auth/tokens")).body.tokens.filter(({ scopes }) => scopes.includes(CALENDAR) === isLink),
      described: (token) => ({ ...described(token), ends, label: `${ends}: ${token.name}` }),
      end: async ({ id, name }) => {
        await session.call("DELETE", `/auth/tokens/${id}`);
        say(isLink ? t("The link shows nothing any more.") : t("Revoked: {name}", { name }));
      },
    });
    this.#form = section.querySelector("form");
    onSubmit(this.#form, async () => {
      const json = asked(Object.fromEntries(new FormData(this.#form)));
      const { body } = await session.call("POST", "/auth/tokens", { json });
      if (!section.checkVisibility()) return; // the screen was closed meanwhile, and forgets
      this.#form.reset();
      this.#show(body);
      await this.#list.load();
    });
    this.#once.querySelector("button").addEventListener("click", () => copied(this.#once.querySelector("input")).then(say));
  }

  open() {
    this.#list.load();
  }

  close() {
    this.#list.clear();
    this.#show(null);
    this.#form.reset();
    clearProblems(this.#form);
  }

  #show(made) {
    const input = this.#once.querySelector("input");
    input.value = made ? this.#shown(made) : "";
    this.#once.hidden = !made;
    if (made) input.select();
  }
}

function described({ name, scopes, expires_at, last_used_on }) {
  const isOver = Date.parse(expires_at) <= Date.now();
  const day = dayInWords(dayOf(expires_at));
  const may = scopes.includes("tasks:write") ? MAY["tasks:write"] : MAY[scopes[0]];
  return {
    name,
    facts: [may, isOver ? t("ended {day}", { day }) : t("good until {day}", { day }), last_used_on ? t("last used {day}", { day: dayInWords(last_used_on) }) : t("not used yet")],
  };
}

function linkOf({ token }) {
  return new URL(`calendar/${token}.ics`, document.baseURI).href;
}

/** Copy what is in an input; return what to say of it. Browsers let pages do so by https, and on this machine. */
async function copied(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return t("Copied.");
  } catch {
    return t("It is selected. Copy it with your keyboard or the menu.");
  }
}
