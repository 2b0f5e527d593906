// A certified OpenID provider for the tests: in memory, on a free port of this machine. People log in by writing their
// name, and agree or do not. It prints its address, then obeys the commands on its standard input.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const { redirect_uris, ...client } = JSON.parse(process.argv[2]);
const claims = {};
let handle;
const server = createServer((request, response) => handle(request, response));
await once(server.listen(0, "127.0.0.1"), "listening");
const url = `http://127.0.0.1:${server.address().port}`;

const commands = {
  // Called once the service has an address.
  redirect_to(...uris) {
    const provider = new Provider(url, {
      clients: [{ client_id: "taskward", client_secret: "a secret of the tests", redirect_uris: uris, ...client }],
      conformIdTokenClaims: false,
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...claims[sub] }) }),
      cookies: { keys: ["a secret of nobody but this server"] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: true } },
    });
    handle = provider.callback();
  },
  knows: (name, said) => void (claims[name] = said),
  forget: () => void Object.keys(claims).forEach((name) => delete claims[name]),
};

commands.redirect_to(...redirect_uris);
console.log(`listening at ${url}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...options] = JSON.parse(line);
  console.log(commands[name](...options) ?? "done");
}
process.exit();
