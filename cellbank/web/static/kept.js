/* What a screen at the bedside keeps: signed judgements of doses, and acts that were done without the network,
   sealed for the server. Of a patient it holds the trial number and a digest, and nothing of a dose that is over, or
   once nobody is signed in. */
"use strict";
(function () {
  const NAME = "cellbank-bedside",
    EVERY = 5000,
    REFRESH = 60000;
  const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const raw = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const utf8 = (text) => new TextEncoder().encode(text);

  /* ---- the store ---- */
  let opened = null;
  const open = () =>
    opened ||
    (opened = new Promise((done, failed) => {
      const asked = indexedDB.open(NAME, 3),
        counted = { keyPath: "place", autoIncrement: true };
      asked.onupgradeneeded = () => {
        for (const [store, how] of [
          ["judgements", { keyPath: "dose" }],
          ["acts", counted],
          ["stops", counted],
          ["clock", { keyPath: "id" }],
        ])
          if (!asked.result.objectStoreNames.contains(store)) asked.result.createObjectStore(store, how);
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    }));
  async function on(store, mode, work) {
    const base = await open();
    return new Promise((done, failed) => {
      const transaction = base.transaction(store, mode, { durability: "strict" }),
        asked = work(transaction.objectStore(store));
      transaction.oncomplete = () => done(asked && asked.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  }
  const judgements = () => on("judgements", "readonly", (store) => store.getAll());
  const acts = () => on("acts", "readonly", (store) => store.getAll());
  const forget = (dose) => on("judgements", "readwrite", (store) => store.delete(dose));
  const isBusy = async (dose) => (await acts()).some((one) => JSON.parse(one.act.header).dose === dose);
  async function over(dose) {
    await forget(dose);
    sessionStorage.removeItem("last");
  } /* the last scan may be a wristband */

  /* ---- the time, as the server had it: it never goes back, whatever the clock of this screen does; only the server
     sets it anew ---- */
  let highest = 0,
    ahead = 0;
  const hear = (at) => {
    ahead = Date.now() - at;
    highest = at;
    return note();
  };
  const note = () => on("clock", "readwrite", (store) => store.put({ id: "server", highest: now(), ahead }));
  const remembered = on("clock", "readonly", (store) => store.get("server"))
    .then((held) => {
      if (held && !highest) ({ highest, ahead } = held);
    })
    .catch(() => undefined);
  function now() {
    return (highest = Math.max(highest, Date.now() - ahead));
  }
  const isSetBack = () => Date.now() - ahead < now() - 60000;

  /* ---- the judgement: kept while the server answers, believed only when its signature fits ---- */
  let signedBy = null;
  const refreshShell = async () => {
    const ready = await navigator.serviceWorker.ready;
    if (ready.active) ready.active.postMessage("refresh");
  };
  async function look(dose) {
    const answer = await fetch(`/bedside/judgement?dose=${encodeURIComponent(dose)}`, {
      headers: { Accept: "application/json" },
      cache: "no-store",
    });
    if (answer.status === 403 && (await answer.json()).ended && !(await isBusy(dose)))
      return over(dose); /* nobody is signed in here any more */
    if (!answer.ok || answer.redirected) return; /* locked: what is kept stays as it is */
    const said = await answer.json();
    await hear(Date.parse(said.now));
    const signs = said.judgement && said.judgement.key;
    if (signs && signedBy && signs !== signedBy)
      refreshShell().catch(() => undefined); /* the kept page does not know the new key yet */
    signedBy = signs || signedBy;
    /* While an act waits for its answer, the judgement that it went by stays: a newer one may count it already. */
    if (said.judgement && (await acts()).some((one) => !one.answer && JSON.parse(one.act.header).dose === dose)) return;
    if (said.judgement) await on("judgements", "readwrite", (store) => store.put({ dose, ...said.judgement }));
    else if (!(await isBusy(dose))) await over(dose);
  }
  async function refresh() {
    await tidy();
    for (const one of await judgements()) await look(one.dose);
  }
  /* what holds no longer is of no use to anybody */
  async function tidy() {
    await remembered;
    const busy = new Set((await acts()).map((one) => JSON.parse(one.act.header).dose));
    for (const one of await judgements()) {
      let until = 0;
      try {
        until = Date.parse(JSON.parse(one.payload).until);
      } catch (_) {
        /* not one of ours */
      }
      if (!busy.has(one.dose) && !(until > now())) await over(one.dose);
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
  const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  async function isSubject(judged, code) {
    const key = await crypto.subtle.importKey("raw", utf8(code), "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: utf8(judged.salt), iterations: judged.rounds };
    return hex(await crypto.subtle.deriveBits(how, key, 256)) === judged.subject;
  }
  /* who that is, by sign-in name or badge: one and the same answer for both; null for whoever may not check here */
  async function person(judged, said) {
    const digest = async (text) => hex(await crypto.subtle.digest("SHA-256", utf8(judged.salt + text))).slice(0, 16);
    const name = await digest(said.toLowerCase()),
      badge = await digest(said.toUpperCase());
    return (judged.people.find((one) => one[0] === name || one[1] === badge) || [null])[0];
  }

  /* ---- sealing: what was typed can be read by the server alone, and not by this browser ---- */
  async function seal(keys, header, content) {
    const newest = keys[keys.length - 1],
      curve = { name: "ECDH", namedCurve: "P-256" };
    const theirs = await crypto.subtle.importKey("raw", raw(newest.seal), curve, false, []);
    const once = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, once.privateKey, 256);
    const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
    const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: utf8("cellbank bedside") };
    const key = await crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const said = JSON.stringify({ ...header, key: newest.id }),
      nonce = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: nonce, additionalData: utf8(said) },
      key,
      utf8(JSON.stringify(content)),
    );
    return {
      header: said,
      once: b64(await crypto.subtle.exportKey("raw", once.publicKey)),
      nonce: b64(nonce),
      sealed: b64(sealed),
    };
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
  const drain = () =>
    sending ||
    (sending = sendAll().finally(() => {
      sending = null;
    }));
  async function sendAll() {
    const held = new Set();
    let sent = 0;
    for (const one of await acts()) {
      const { act, dose } = JSON.parse(one.act.header);
      /* a reaction waits for no other act that needs a person's look: somebody learns of it at once */
      if (held.has(dose) && act !== "record_reaction") continue;
      if (one.answer) {
        held.add(dose);
        continue;
      }
      const answer = await post(one);
      if (answer.came === "recorded") {
        await seen(one.place);
        if (act === "stop_infusion") await over(dose);
        sent += 1;
        continue;
      }
      await on("acts", "readwrite", (store) => store.put({ ...one, proof: null, answer }));
      held.add(dose);
    }
    if (sent) await refresh();
    return sent;
  }
  async function post(one) {
    const body = JSON.stringify(one.proof ? { act: one.act, proof: one.proof } : { act: one.act });
    const answer = await fetch("/bedside/kept", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body,
      cache: "no-store",
    });
    if (answer.status >= 500) throw new Error("the server is not well"); /* it is sent again, under its key */
    return answer.json();
  }

  /* a STOP that was said here goes to the server from a page at which somebody is signed in; it is counted once, by
     its id */
  async function sendStops() {
    const token = document.querySelector("meta[name=csrf-token]");
    if (!token || !document.body.dataset.person) return;
    for (const one of await on("stops", "readonly", (store) => store.getAll())) {
      const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token.content };
      const answer = await fetch("/bedside/stopped", {
        method: "POST",
        headers,
        body: JSON.stringify(one.stop),
        cache: "no-store",
      });
      if (!answer.ok) return; /* locked, signed out, or somebody is here who may not check: later */
      await on("stops", "readwrite", (store) => store.delete(one.place));
    }
  }
  async function tick() {
    judgements()
      .then((held) => held.length && remembered.then(note))
      .catch(() => undefined);
    sendStops().catch(() => undefined);
    try {
      if ((await acts()).some((one) => !one.answer) && (await drain()))
        document.dispatchEvent(new CustomEvent("kept-sent"));
    } catch (_) {
      /* no network yet */
    }
  }
  window.kept = {
    acts,
    believed,
    drain,
    isSetBack,
    isSubject,
    judgements,
    keep,
    keepStop,
    now,
    person,
    prove,
    refresh,
    remembered,
    seen,
    tidy,
  };
  if (!window.indexedDB || !window.crypto || !crypto.subtle) return;
  addEventListener("online", tick);
  setInterval(tick, EVERY);
  tick();

  /* ---- on every page of the server: what is kept of doses is asked about, so that it goes with them, wherever they
     were closed; at the bedside the judgement of the dose on the page is kept ---- */
  if (document.body.classList.contains("page-offline")) return;
  const shown = document.querySelector(".page-bedside [data-dose]");
  const follow = () => Promise.all([refresh(), shown && look(shown.dataset.dose)]).catch(() => undefined);
  follow();
  setInterval(follow, REFRESH);
  if (document.body.classList.contains("page-entrance") && !document.body.dataset.person)
    sessionStorage.removeItem("last");
  if (!navigator.serviceWorker || !document.body.classList.contains("page-bedside")) return;
  navigator.serviceWorker
    .register("/service-worker.js", { scope: "/" })
    .then(refreshShell)
    .catch(() => undefined);
})();
