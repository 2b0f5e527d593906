// `@/lib/auth` is `lib/auth.ts` of the folder this runs in, as in a project that Next.js has created.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.cwd()}/`);
registerHooks({
  resolve: (name, context, next) =>
    name.startsWith("@/") ? next(new URL(`${name.slice(2)}.ts`, folder).href, context) : next(name, context),
});
