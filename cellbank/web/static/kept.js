/* What a screen at the bedside keeps: signed judgements of doses, and acts that were done without the network, sealed for
   the server. It holds no patient's identity, and nothing of a dose that is over. */
"use strict";
(function () {
  const NAME = "cellbank-bedside", EVERY = 5000, REFRESH = 60000;
  const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const raw = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const utf8 = (text) => new TextEncoder().encode(text);

  /* ---- the store ---- */
  let opened = null;
  const open = () => opened || (opened = new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 2), counted = { keyPath: "place", autoIncrement: true };
    asked.onupgradeneeded = () => {
      for (const [store, how] of [["judgements", { keyPath: "dose" }], ["acts", counted], ["stops", counted]])
        if (!asked.result.objectStoreNames.contains(store)) asked.result.createObjectStore(store, how);
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  }));
  async function on(store, mode, work) {
    const base = await open();
    return new Promise((done, failed) => {
      const transaction = base.transaction(store, mode, { durability: "strict" }), asked = work(transaction.objectStore(store));
      transaction.oncomplete = () => done(asked && asked.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  }
  const judgements = () => on("judgements", "readonly", (store) => store.getAll());
  const acts = () => on("acts", "readonly", (store) => store.getAll());
  const forget = (dose) => on("judgements", "readwrite", (store) => store.delete(dose));
  async function over(dose) { await forget(dose); sessionStorage.removeItem("last"); } /* the last scan may be a wristband */

  /* ---- the judgement: kept while the server answers, believed only when its signature fits ---- */
  let signedBy = null;
  const refreshShell = async () => { const ready = await navigator.serviceWorker.ready; if (ready.active) ready.active.postMessage("refresh"); };
  async function look(dose) {
    const answer = await fetch(`/bedside/judgement?dose=${encodeURIComponent(dose)}`, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok || answer.redirected) return; /* locked, or signed out: what is kept stays as it is */
    const said = await answer.json();
    const signs = said.judgement && said.judgement.key;
    if (signs && signedBy && signs !== signedBy) refreshShell().catch(() => undefined); /* the kept page does not know the new key yet */
    signedBy = signs || signedBy;
    if (said.judgement) await on("judgements", "readwrite", (store) => store.put({ dose, ahead: Date.now() - Date.parse(said.now), ...said.judgement }));
    else if (!(await acts()).some((one) => JSON.parse(one.act.header).dose === dose)) await over(dose);
  }
  async function refresh() {
    await tidy();
    for (const one of await judgements()) await look(one.dose);
  }
  /* what holds no longer is of no use to anybody */
  async function tidy() {
    const busy = new Set((await acts()).map((one) => JSON.parse(one.act.header).dose));
    for (const one of await judgements()) {
      let until = 0;
      try { until = Date.parse(JSON.parse(one.payload).until); } catch (_) { /* not one of ours */ }
      if (!busy.has(one.dose) && !(until > Date.now() - one.ahead)) await forget(one.dose);
    }
  }
  /* Null: not signed by one of these keys. Throws where the browser does not know Ed25519. */
  async function believed(one, keys) {
    const known = keys.find((key) => key.id === one.key);
    if (!known) return null;
    const key = await crypto.subtle.importKey("raw", raw(known.verify), { name: "Ed25519" }, false, ["verify"]);
    const right = await crypto.subtle.verify({ name: "Ed25519" }, key, raw(one.signature), utf8(one.payload));
    return right ? JSON.parse(one.payload) : null;
  }
  const digest = async (text) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  /* ---- sealing: what was typed can be read by the server alone, and not by this browser ---- */
  async function seal(keys, header, content) {
    const newest = keys[keys.length - 1], curve = { name: "ECDH", namedCurve: "P-256" };
    const theirs = await crypto.subtle.importKey("raw", raw(newest.seal), curve, false, []);
    const once = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, once.privateKey, 256);
    const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
    const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: utf8("cellbank bedside") };
    const key = await crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const said = JSON.stringify({ ...header, key: newest.id }), nonce = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: utf8(said) }, key, utf8(JSON.stringify(content)));
    return { header: said, once: b64(await crypto.subtle.exportKey("raw", once.publicKey)), nonce: b64(nonce), sealed: b64(sealed) };
  }
  async function keep(keys, header, content) {
    const act = await seal(keys, header, content);
    await on("acts", "readwrite", (store) => store.add({ act }));
  }
  async function prove(keys, place, who) {
    const one = (await acts()).find((held) => held.place === place);
    if (!one) return;
    const proof = await seal(keys, { id: JSON.parse(one.act.header).id }, who);
    await on("acts", "readwrite", (store) => store.put({ ...one, proof, answer: null }));
  }
  async function keepStop(keys, header, scanned) {
    const stop = await seal(keys, { id: crypto.randomUUID(), ...header }, { raw: scanned.slice(0, 500) });
    await on("stops", "readwrite", (store) => store.add({ stop }));
  }
  const seen = (place) => on("acts", "readwrite", (store) => store.delete(place));

  /* ---- sending: in order, each dose on its own; what was not recorded holds back what came after it ---- */
  let sending = null;
  const drain = () => sending || (sending = sendAll().finally(() => { sending = null; }));
  async function sendAll() {
    const held = new Set();
    let sent = 0;
    for (const one of await acts()) {
      const dose = JSON.parse(one.act.header).dose;
      if (held.has(dose)) continue;
      if (one.answer) { held.add(dose); continue; }
      const answer = await post(one);
      if (answer.came === "recorded") {
        await seen(one.place);
        if (JSON.parse(one.act.header).act === "stop_infusion") await over(dose);
        sent += 1;
        continue;
      }
      await on("acts", "readwrite", (store) => store.put({ ...one, proof: null, answer }));
      held.add(dose);
    }
    if (sent) await refresh().catch(() => undefined);
    return sent;
  }
  async function post(one) {
    const body = JSON.stringify(one.proof ? { act: one.act, proof: one.proof } : { act: one.act });
    const answer = await fetch("/bedside/kept", { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body, cache: "no-store" });
    if (answer.status >= 500) throw new Error("the server is not well"); /* it is sent again, under its key */
    return answer.json();
  }

  /* a STOP that was said here goes to the server from a page at which somebody is signed in; it is counted once, by its id */
  async function sendStops() {
    const token = document.querySelector("meta[name=csrf-token]");
    if (!token || !document.body.dataset.person) return;
    for (const one of await on("stops", "readonly", (store) => store.getAll())) {
      const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token.content };
      const answer = await fetch("/bedside/stopped", { method: "POST", headers, body: JSON.stringify(one.stop), cache: "no-store" });
      if (!answer.ok) return; /* locked, or signed out: later */
      await on("stops", "readwrite", (store) => store.delete(one.place));
    }
  }
  async function tick() {
    sendStops().catch(() => undefined);
    try {
      if ((await acts()).some((one) => !one.answer) && await drain()) document.dispatchEvent(new CustomEvent("kept-sent"));
    } catch (_) { /* no network yet */ }
  }
  window.kept = { acts, believed, digest, drain, forget, judgements, keep, keepStop, prove, refresh, seen, tidy };
  if (!window.indexedDB || !window.crypto || !crypto.subtle) return;
  addEventListener("online", tick);
  setInterval(tick, EVERY);
  tick();

  /* ---- on a page of the server: keep the judgement of the dose that it shows ---- */
  if (document.body.classList.contains("page-offline")) return;
  const shown = document.querySelector(".page-bedside [data-dose]");
  const follow = () => { if (shown) look(shown.dataset.dose).catch(() => undefined); };
  if (!document.body.classList.contains("page-bedside")) { tidy().catch(() => undefined); return; }
  follow();
  setInterval(follow, REFRESH);
  refresh().catch(() => undefined);
  if (!navigator.serviceWorker) return;
  navigator.serviceWorker.register("/service-worker.js", { scope: "/" }).then(refreshShell).catch(() => undefined);
})();
