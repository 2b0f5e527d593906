// Has the browser install the service worker, with which the page starts where there is no network. Browsers do so on
// https and on this machine alone.

const ADDRESS = new URL("service-worker.js", document.baseURI).href;
const policy = globalThis.trustedTypes?.createPolicy("service-worker", { createScriptURL: () => ADDRESS });

export function listen() {
  if (!navigator.serviceWorker) return;
  if (document.readyState === "complete") install();
  else addEventListener("load", install); // once there is nothing more urgent
}

function install() {
  navigator.serviceWorker.register(policy?.createScriptURL("") ?? ADDRESS).catch(() => {}); // the page works without
}
