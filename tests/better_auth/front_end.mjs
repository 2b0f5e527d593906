// The front end of docs/better-auth.md, served without Next.js: its `app/**/route.ts` and the rewrites of its
// `next.config.ts`, from the folder this runs in. Each line of its standard input sets a variable: `["NAME", "value"]`.
import { once } from "node:events";
import { globSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { toNodeHandler } from "better-auth/node";
import "./alias.mjs";

const server = createServer();
await once(server.listen(0, "localhost"), "listening");
const { port } = server.address();
for (const [name, value] of Object.entries(JSON.parse(process.argv[2])))
  process.env[name] = value.replace("localhost:3000", `localhost:${port}`);

const routes = await Promise.all(
  globSync("app/**/route.ts").map(async (file) => ({
    pattern: new RegExp(`^${file.slice("app".length, -"/route.ts".length).replace(/\[\.\.\.\w+\]/, ".+")}$`),
    methods: await import(`@/${file.slice(0, -".ts".length)}`),
  })),
);
const { default: config } = await import("@/next.config");

async function answer(request) {
  const { pathname, search } = new URL(request.url);
  const route = routes.find(({ pattern }) => pattern.test(pathname));
  if (route) return route.methods[request.method](request);
  for (const { source, destination } of await config.rewrites()) {
    const [start, target] = [source, destination].map((text) => text.replace("/:path*", ""));
    if (pathname === start || pathname.startsWith(`${start}/`))
      return fetch(target + pathname.slice(start.length) + search, {
        method: request.method,
        headers: request.headers,
        body: request.body,
        duplex: "half",
      });
  }
  return new Response("not found", { status: 404 });
}
const handle = toNodeHandler(answer);
server.on("request", async (request, response) => {
  await handle(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end(); // as Next.js does
  });
});
console.log(`listening at http://localhost:${port}`);

for await (const line of createInterface({ input: process.stdin })) {
  const [name, value] = JSON.parse(line);
  process.env[name] = value;
  console.log("done");
}
process.exit();
