// Who is signed in, at the head of the page.

const who = document.getElementById("who");
const password = document.getElementById("password-button");

/** Show it, unless it is there. Raises what Session.call does. */
export async function open(session) {
  if (!who.hidden) return;
  const { body } = await session.call("GET", "/auth/me");
  if (body.id !== session.userId) return; // somebody else has come meanwhile
  who.textContent = body.name ?? body.email ?? body.id;
  who.hidden = false;
  password.hidden = !body.has_password;
}

export function close() {
  who.textContent = "";
  who.hidden = password.hidden = true;
}
