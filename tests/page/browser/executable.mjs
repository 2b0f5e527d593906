// Unpacks the browser of the package, and the libraries that it needs beside it; prints where both are.
import { tmpdir } from "node:os";
import { join } from "node:path";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(import.meta.dirname, "node_modules", "@sparticuz", "chromium", "bin");
const path = await chromium.executablePath();
await inflate(join(packed, "al2023.tar.br"));
console.log(JSON.stringify({ path, libraries: join(tmpdir(), "al2023", "lib") }));
