// Unpacks the browser of the package, with the libraries and fonts that it needs beside it; prints where they are.
import { tmpdir } from "node:os";
import { join } from "node:path";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(import.meta.dirname, "node_modules", "@sparticuz", "chromium", "bin");
const path = await chromium.executablePath();
await inflate(join(packed, "al2023.tar.br"));
await inflate(join(packed, "fonts.tar.br"));
console.log(JSON.stringify({ path, libraries: join(tmpdir(), "al2023", "lib"), fonts: join(tmpdir(), "fonts") }));
