// Who is signed in, at the head of the page, with the button that opens their account.

import * as account from "./account.js";

const who = document.getElementById("who");
const button = document.getElementById("account-button");

/** Show it, unless it is there. Raises what Session.call does. */
export async function open(session) {
  if (!who.hidden) return;
  const { body } = await session.call("GET", "/auth/me");
  if (body.id !== session.userId) return; // somebody else has come meanwhile
  who.textContent = body.name ?? body.email ?? body.id;
  who.hidden = false;
  account.know(body);
  button.hidden = false;
}

export function close() {
  who.textContent = "";
  who.hidden = button.hidden = true;
  account.close();
}
