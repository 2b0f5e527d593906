// Unpacks the browser of the package, with the libraries and fonts that it needs beside it; prints where they are.
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(import.meta.dirname, "node_modules", "@sparticuz", "chromium", "bin");
const path = await chromium.executablePath();
await inflate(join(packed, "al2023.tar.br"));
await inflate(join(packed, "fonts.tar.br"));
const fonts = join(tmpdir(), "fonts");
// The package's own looks for them in other folders, and without any font the browser ends at the first word.
await writeFile(
  join(fonts, "fonts.conf"),
  `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${fonts}</dir><cachedir>${fonts}-cache</cachedir></fontconfig>
`,
);
console.log(JSON.stringify({ path, libraries: join(tmpdir(), "al2023", "lib"), fonts }));
