// Starts the page where there is no network. When it is installed it keeps the page's own files, which are the same for
// everybody, and it writes nothing later: no response of the API gets into its cache, so nobody is shown another's.

const HERE = new URL("./", location).href; // a proxy may show two services at one origin
const OURS = "taskward page " + HERE + " ";
const CACHE = OURS + "$document";
const LANGUAGES = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
const isWanted = (file) => !file.includes("/words-") || LANGUAGES.some((each) => file.endsWith("/words-" + each + ".js"));
const FILES = new Set("$kept".split(" ").filter(isWanted).map((file) => new URL(file, HERE).href));
const PATIENCE_MS = 3000;

addEventListener("install", (event) => {
  skipWaiting(); // the addresses of files have their version in them: no page gets those of another
  event.waitUntil(keep());
});
addEventListener("activate", (event) => event.waitUntil(forgetOlder()));
addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET") return;
  if (mode === "navigate" && url.split(/[?#]/)[0] === HERE) event.respondWith(readDocument(event.request));
  else if (FILES.has(url)) event.respondWith(readFile(event.request));
  // all else is the browser's, as if nobody were here
});

/** Fails where a proxy answers with a page of its own, or another version: the browser tries again later. */
async function keep() {
  const cache = await caches.open(CACHE);
  const response = await fetch(HERE, { cache: "no-cache", redirect: "error" });
  const text = await response.clone().text();
  if (!response.ok || !text.includes('"$files/main.js"')) throw new Error("another version of the page");
  await cache.addAll([...FILES]);
  await cache.put(HERE, response);
}

async function forgetOlder() {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith(OURS) && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
}

/** As the service has it, or as it was kept where the service does not answer, or not before long. */
async function readDocument(request) {
  const kept = await find(HERE);
  const asked = fetch(request);
  if (!kept) return asked;
  try {
    const response = await Promise.race([asked, pause()]);
    return response && response.status < 500 ? response : kept;
  } catch {
    return kept;
  }
}

async function readFile(request) {
  return (await find(request.url)) ?? fetch(request);
}

/** Nothing where the browser's storage is broken: then the service is asked, as if nothing had been kept. */
function find(url) {
  return caches.match(url, { cacheName: CACHE }).catch(() => undefined);
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
}
