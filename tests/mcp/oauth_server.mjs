// A Better Auth server with its OAuth provider, in memory, on a free port of this machine, which gives agents tokens for
// the resource of the command line. It prints its address, and ends with whoever started it.
import { once } from "node:events";
import { createServer } from "node:http";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { resource } = JSON.parse(process.argv[2]);
const tables = Object.fromEntries(
  [
    "user", "session", "account", "verification", "jwks", "oauthClient", "oauthResource", "oauthClientResource",
    "oauthRefreshToken", "oauthAccessToken", "oauthConsent", "oauthClientAssertion",
  ].map((name) => [name, []]),
);
const server = createServer();
await once(server.listen(0, "127.0.0.1"), "listening");
const url = `http://127.0.0.1:${server.address().port}`;

const auth = betterAuth({
  baseURL: url,
  secret: "a secret of nobody but this server",
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  plugins: [
    jwt({ jwt: { issuer: `${url}/api/auth` } }), // as the OAuth provider calls itself
    oauthProvider({
      loginPage: "/sign-in",
      consentPage: "/consent",
      scopes: ["openid", "profile", "email", "offline_access", "tasks:read", "tasks:write"],
      resources: [resource],
      clientRegistrationDefaultResources: [resource],
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
    }),
  ],
});
const node = toNodeHandler(auth);
server.on("request", async (request, response) => {
  if (request.url.startsWith("/.well-known/oauth-authorization-server")) {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(await auth.api.getOAuthServerConfig()));
  } else {
    await node(request, response);
  }
});
console.log(`listening at ${url}`);
process.stdin.on("end", () => process.exit()).resume();
