// Unpacks the browser of the package, with the libraries and fonts that it needs beside it; prints where they are.
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(import.meta.dirname, "node_modules", "@sparticuz", "chromium", "bin");
const path = await chromium.executablePath();
await inflate(join(packed, "al2023.tar.br"));
const fonts = await inflate(join(packed, "fonts.tar.br"));
// The configuration that comes with them looks in /tmp/fonts, and a browser that finds no font at all crashes.
const file = join(fonts, "fonts.conf");
const beside = '<fontconfig><dir prefix="relative">fonts</dir></fontconfig>\n';
if ((await readFile(file, "utf8")) !== beside) await writeFile(file, beside); // not while a browser reads it
console.log(JSON.stringify({ path, libraries: join(tmpdir(), "al2023", "lib"), fonts }));
