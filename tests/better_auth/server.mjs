// A Better Auth server for the tests: in memory, on a free port of this machine, with the options of the command line.
// It prints its address, then obeys the commands on its standard input, and ends with whoever started it.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const tables = { user: [], session: [], account: [], verification: [], jwks: [] };
let handle;
let mailed = "";

const server = createServer((request, response) => handle(request, response));
await once(server.listen(0, "127.0.0.1"), "listening");
const url = `http://127.0.0.1:${server.address().port}`;

function configure(options) {
  const auth = betterAuth({
    baseURL: url,
    secret: options.secret ?? "a secret of nobody but this server",
    database: memoryAdapter(tables),
    logger: { disabled: true },
    emailAndPassword: { enabled: true },
    emailVerification: { sendOnSignUp: true, sendVerificationEmail: async ({ token }) => void (mailed = token) },
    session: options.session,
    plugins: [jwt(options.jwt)],
  });
  handle = toNodeHandler(auth);
}

// A key that has expired signs no more, and JWKS shows it for another 30 days. Better Auth itself sees to both.
const commands = {
  configure,
  retire_the_key: () => tables.jwks.forEach((key) => (key.expiresAt ??= new Date())),
  forget_old_keys: () => tables.jwks.forEach((key) => key.expiresAt && (key.expiresAt = new Date(0))),
  show_the_mail: () => mailed,
};

configure(JSON.parse(process.argv[2]));
console.log(`listening at ${url}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...options] = JSON.parse(line);
  console.log(commands[name](...options) ?? "done");
}
process.exit();
