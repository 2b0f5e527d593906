// A page of the front end of docs/better-auth.md: runs its `lib/*.ts` with a fetch that knows an address and keeps
// cookies, as a browser's does. Prints what happened as JSON.
import "./alias.mjs";

const { url, tokenPath } = JSON.parse(process.argv[2]);
const cookies = new Map();
let tokensFetched = 0;
let spoilNextToken = false;

const network = globalThis.fetch;
globalThis.fetch = async (path, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("Origin", url);
  headers.set("Cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
  const answer = await network(url + path, { ...init, headers });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    if (value) cookies.set(name, value);
    else cookies.delete(name);
  }
  if (path !== tokenPath || !answer.ok) return answer;
  tokensFetched += 1;
  const { token } = await answer.json();
  const sent = spoilNextToken ? token.replace(/\.[^.]{8}([^.]*)$/, ".AAAAAAAA$1") : token; // another signature
  spoilNextToken = false;
  return Response.json({ token: sent });
};

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const signUp = (name) =>
  post("/api/auth/sign-up/email", { name, email: `${name}@example.com`, password: `the password of ${name}` });
const statuses = async (...answers) => (await Promise.all(answers)).map((answer) => answer.status);
const tokensFor = async (work) => {
  const before = tokensFetched;
  return { result: await work(), tokens: tokensFetched - before };
};

const { tasks, forgetToken } = await import("@/lib/tasks");
const { buyMilk } = await import("@/lib/example");
const happened = {};

happened.nobody = await tasks().catch((error) => error.message);
await signUp("alice");
happened.bought = await tokensFor(buyMilk);
const created = await tasks("", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ title: "Call bob" }),
});
const { token } = await (await fetch(tokenPath)).json();
const follow = async (address) => (await fetch(address, { headers: { Authorization: `Bearer ${token}` } })).json();
const [, next] = (await tasks("?limit=1")).headers.get("Link").match(/<(.+)>; rel="next"/);
const location = created.headers.get("Location");
happened.addresses = { location: (await follow(location)).title, next: (await follow(next)).tasks[0].title };
happened.again = await tokensFor(() => statuses(tasks(), tasks()));
forgetToken();
happened.atOnce = await tokensFor(() => statuses(tasks(), tasks(), tasks()));
forgetToken();
spoilNextToken = true;
happened.refused = await tokensFor(() => statuses(tasks(), tasks(), tasks()));
await post("/api/auth/sign-out", {});
forgetToken();
happened.signedOut = await tasks().catch((error) => error.message);
await signUp("bob");
happened.bob = await (await tasks()).json();
console.log(JSON.stringify(happened));
