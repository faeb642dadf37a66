/* A yes on the screen is asked again while it stands there: every 4 s, and when the tab comes back. Refused: STOP over
   the whole screen, with the siren. No answer: the yes goes at once, and it says since when nothing was checked.
   An infusion that runs is watched under the lock too, and on the page that asks for a password in place of its
   page. */
"use strict";
(function () {
  const drawnHere = [...document.querySelectorAll("[data-watched]")],
    isEntrance = document.body.classList.contains("page-entrance");
  const watched = isEntrance ? fromBefore() : drawnHere;
  if (!isEntrance)
    sessionStorage.setItem("running", JSON.stringify(watched.filter(runs).map((one) => one.dataset.watched)));
  if (!watched.length) return;
  const EVERY = 4000,
    AGAIN = 1000,
    ANSWER = 3000,
    STALE = 15000,
    SIRENS = 3;
  const look = [...document.body.classList].find((name) => name.startsWith("is-"));
  let isGone = false,
    answered = Date.now(),
    at = watched[0].dataset.at,
    asking = false;

  const asked = () =>
    watched.map((one) => `dose=${encodeURIComponent(one.dataset.watched)}&state=${one.dataset.state}`).join("&");
  /* typed text is not lost to a page that moved on */
  const touched = () =>
    [...document.querySelectorAll("main input:not([type=hidden]), main textarea")].some(
      (field) => field.value !== field.defaultValue,
    );

  /* never the same form once more: the page of the dose, or the page as it was asked for */
  const again = (one) =>
    location.assign(one.dataset.screen ? `/bedside?dose=${one.dataset.watched}` : location.pathname + location.search);

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(`/watch?${asked()}`, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER),
      });
      if (!answer.ok) throw new Error(answer.status);
      const said = await answer.json();
      answered = Date.now();
      at = said.at;
      if (said.locked && cellbank.lock) cellbank.lock();
      for (const one of watched) show(one, said.doses[one.dataset.watched] || { verdict: "not judged", reasons: [] });
      if (isLocked() && underLock("refused").length) cellbank.play("stop"); /* until somebody comes */
    } catch (problem) {
      /* one answer that did not come is enough: a locked or ended session, a server or a network that is away */
      isGone = !/^4/.test(problem.message);
      unchecked();
      if (isGone) setTimeout(ask, AGAIN);
    }
    asking = false;
  }
  const unchecked = () => {
    for (const one of watched) show(one, { verdict: "stale", reasons: [] });
  };
  /* a page that slept, or whose timers did, has asked nothing */
  const old = () => {
    if (Date.now() - answered > STALE) unchecked();
  };

  function show(one, said) {
    if (isLocked()) return showUnderLock(one, said.verdict);
    const before = one.dataset.verdict;
    /* a STOP stays until somebody looks again: it may have been seen by one of two people only */
    if (before === "refused" && one.dataset.shown) return siren(one);
    if (said.verdict === "moved") {
      if (!touched()) return again(one);
      said = { verdict: "stale", reasons: [] };
    }
    const verdict = said.verdict === "not judged" ? "stale" : said.verdict;
    one.dataset.verdict = verdict;
    if (verdict === "refused") stop(one, said.reasons);
    else if (verdict === "stale") stale(one);
    else clear(one);
    if (one.dataset.screen) {
      document.body.classList.remove("is-unchecked", look);
      document.body.classList.add(verdict === "stale" ? "is-unchecked" : look);
    }
  }
  function drawn(one, name) {
    clear(one);
    const made = one.querySelector(`template[data-${name}]`).content.cloneNode(true).firstElementChild;
    made.dataset.drawn = one.dataset.watched;
    return made;
  }
  function clear(one) {
    for (const made of document.querySelectorAll(`[data-drawn="${one.dataset.watched}"]`)) made.remove();
  }
  function stop(one, reasons) {
    const made = drawn(one, "stop"),
      list = made.querySelector("[data-reasons]"),
      why = made.querySelector("[name=reason]");
    list.replaceChildren(
      ...reasons.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }),
    );
    if (why) why.value = `STOP: ${reasons.join(" ")}`.slice(0, 400);
    document.body.append(made);
    const field = made.querySelector("[name=volume_given_ml]"),
      typed = document.querySelector("main [name=volume_given_ml]");
    if (field && typed) field.value = typed.value;
    (field || made.querySelector("a, button")).focus();
    const seen = made.querySelector("[data-seen]");
    if (seen) seen.addEventListener("click", () => again(one));
    one.dataset.shown = SIRENS;
    siren(one);
  }
  function siren(one) {
    if (!(one.dataset.shown > 0)) return;
    one.dataset.shown -= 1;
    cellbank.play("stop");
  }
  function stale(one) {
    const there = one.querySelector(".watch-stale");
    if (there) return offerOffline(one, there.querySelector("[data-go-offline]"));
    const made = drawn(one, "stale");
    made.querySelector("[data-word]").textContent = made
      .querySelector("[data-word]")
      .dataset.word.replace("{time}", at);
    one.prepend(made);
    offerOffline(one, made.querySelector("[data-go-offline]"));
  }
  /* the way on without the server, where this screen keeps what the server judged of this dose */
  async function offerOffline(one, way) {
    if (!way || !isGone || !window.kept || !navigator.serviceWorker || !navigator.serviceWorker.controller) return;
    const held = await kept.judgements().catch(() => []);
    way.hidden = !held.some((judgement) => judgement.dose === one.dataset.watched);
    way.querySelector("a").onclick = (event) => {
      event.preventDefault();
      leaveWith(event.currentTarget.href);
    };
  }
  /* what was scanned and typed goes along with whoever goes on without the server */
  function leaveWith(path) {
    const form = Object.assign(document.createElement("form"), { method: "post", action: path, hidden: true });
    for (const field of document.querySelectorAll(
      "main :is(input, textarea)[name]:not([type=password], [name=csrf_token], [name=act])",
    ))
      if (field.value && !form.elements[field.name])
        form.append(Object.assign(document.createElement("input"), { name: field.name, value: field.value }));
    document.body.append(form);
    form.submit();
  }

  /* ---- under the lock: which infusion must be stopped, and nothing else ---- */
  function runs(one) {
    return one.dataset.state === "INFUSING";
  }
  function isLocked() {
    return isEntrance || document.body.classList.contains("is-locked");
  }
  function fromBefore() {
    return JSON.parse(sessionStorage.getItem("running") || "[]").map((dose) => {
      const one = document.createElement("i");
      Object.assign(one.dataset, { watched: dose, state: "INFUSING", at: "–" });
      return one;
    });
  }
  const underLock = (verdict) => watched.filter((one) => runs(one) && one.dataset.locked === verdict);
  function showUnderLock(one, verdict) {
    if (one.dataset.locked === "refused" && verdict !== "moved") return; /* a STOP stays until somebody looks */
    one.dataset.locked = verdict === "not judged" ? "stale" : verdict;
    const worst = ["refused", "stale", "accepted"].find((found) => underLock(found).length);
    for (const place of document.querySelectorAll("[data-under-lock]")) {
      place.hidden = !worst;
      place.dataset.underLock = worst || "";
      const doses = underLock(worst)
        .map((dose) => dose.dataset.watched)
        .join(", ");
      for (const line of place.querySelectorAll("[data-word]"))
        line.textContent = line.dataset.word.replace("{dose}", doses).replace("{time}", at);
    }
  }
  document.addEventListener("locked", () => {
    for (const one of watched) showUnderLock(one, one.dataset.verdict);
    ask();
  });
  document.addEventListener("unlocked", () => {
    for (const one of watched) {
      const told = one.dataset.locked;
      delete one.dataset.locked;
      if (told !== "accepted") show(one, { verdict: "stale", reasons: [] }); /* the reasons come with the next answer */
    }
    ask();
  });

  for (const one of drawnHere)
    if (one.dataset.verdict === "refused" && runs(one) && !one.dataset.shown)
      stop(one, JSON.parse(one.dataset.reasons));
  if (isEntrance) ask();
  setInterval(ask, EVERY);
  setInterval(old, 1000);
  for (const kind of ["visibilitychange", "pageshow"])
    document.addEventListener(kind, () => {
      if (!document.hidden) {
        old();
        ask();
      }
    });
  window.addEventListener("focus", () => {
    old();
    ask();
  });
  window.addEventListener("offline", ask);
  cellbank.lookAgain = () => {
    for (const one of watched) if (one.dataset.verdict === "accepted") show(one, { verdict: "stale", reasons: [] });
    ask();
  };
})();
