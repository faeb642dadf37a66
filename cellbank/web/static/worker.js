/* The service worker of the bedside: it keeps one page that works without the server, and that page's files.
   Whatever the server answers is never kept: it may be about a patient. */
"use strict";
const CACHE = "bedside-shell",
  SHELL = "/bedside/offline";

/* The shell names its files itself, by addresses that change with their content. */
async function keepShell() {
  const page = await fetch(SHELL, { cache: "no-store", credentials: "same-origin" });
  if (!page.ok) return;
  const text = await page.clone().text();
  const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)]
    .map((found) => found[1].replaceAll("&amp;", "&"))
    .filter((path) => /\.(css|js|svg|woff2?)(\?|$)/.test(path));
  const fetched = await Promise.all(files.map(async (path) => [path, await fetch(path, { cache: "no-cache" })]));
  if (fetched.some(([, answer]) => !answer.ok)) return;
  const cache = await caches.open(CACHE),
    wanted = new Set([SHELL, ...files]);
  for (const [path, answer] of fetched) await cache.put(path, answer);
  await cache.put(SHELL, page);
  for (const held of await cache.keys()) {
    const url = new URL(held.url);
    if (!wanted.has(url.pathname + url.search)) await cache.delete(held);
  }
}
self.addEventListener("install", (event) => event.waitUntil(keepShell().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  /* a page that was being loaded when this worker came to life is not its own yet */
  if (event.data === "refresh")
    event.waitUntil(
      self.clients
        .claim()
        .then(keepShell)
        .catch(() => undefined),
    );
  if (event.data === "carried") handOver(event);
});

const GONE = new Set([502, 503, 504]);
async function bedside(event) {
  const copy = event.request.clone();
  try {
    const answer = await fetch(event.request);
    if (!GONE.has(answer.status)) return answer;
  } catch (_) {
    /* no network */
  }
  await carry(event, copy);
  return (await caches.match(SHELL)) || Response.error();
}

/* What was being sent when the network was cut goes to the page that comes instead: in memory, once, and never a
   password. */
const CARRIED = ["act", "dose", "dose_label", "wristband", "read_back", "second.name", "volume_given_ml", "reason"],
  carried = new Map();
async function carry(event, copy) {
  if (copy.method !== "POST") return;
  const form = await copy.formData().catch(() => new FormData());
  carried.clear();
  carried.set(
    event.resultingClientId,
    Object.fromEntries(CARRIED.map((name) => [name, form.get(name)]).filter(([, value]) => value)),
  );
}
function handOver(event) {
  event.ports[0].postMessage(carried.get(event.source.id));
  carried.delete(event.source.id);
}
async function file(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(request);
    if (kept) return kept;
    throw error;
  }
}
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate") {
    if (url.pathname === "/bedside") event.respondWith(bedside(event));
    /* asked for by name: the server may be there and not answer */
    if (url.pathname === SHELL)
      event.respondWith(
        carry(event, event.request.clone())
          .then(() => caches.match(SHELL))
          .then((kept) => kept || fetch(event.request)),
      );
    return;
  }
  if (event.request.method === "GET" && /\.(css|js|svg|woff2?)$/.test(url.pathname))
    event.respondWith(file(event.request));
});
