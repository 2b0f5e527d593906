// Where one is signed in. A log-in that ends is refused everywhere within five seconds.

import { AccountList } from "./account-list.js";
import { dayInWords, dayOf } from "./due.js";
import { t } from "./words.js";

const section = document.querySelector("#account .sessions");
const others = section.querySelector(".others");
let list = null;

export function listen(session, say) {
  section.hidden = false;
  list = new AccountList(section, {
    read: async () => shown((await session.call("GET", "/auth/sessions")).body.sessions),
    described,
    end: async (ended) => {
      await session.call("DELETE", `/auth/sessions/${ended.id}`);
      say(t("Signed out: {name}", { name: nameOf(ended) }));
    },
  });
  others.addEventListener("click", () =>
    list.change(async () => {
      await session.call("DELETE", "/auth/sessions");
      say(t("Signed out everywhere else."));
    }),
  );
}

export function open() {
  list.load();
}

export function close() {
  list.clear();
  others.hidden = true;
}

function shown(sessions) {
  others.hidden = sessions.every(({ current }) => current);
  return sessions;
}

function described(session) {
  const { address, created_at, last_used_at, current } = session;
  const used = current ? t("this browser") : t("last used {day}", { day: dayInWords(dayOf(last_used_at)) });
  const facts = [used, t("since {day}", { day: dayInWords(dayOf(created_at)) }), address];
  const name = nameOf(session);
  return { name, facts, ends: current ? null : t("Sign out"), label: t("Sign out: {name}", { name }) };
}

function nameOf({ client }) {
  return client ?? t("An unknown program");
}
