/* A yes on the screen is asked again while it stands there: every 4 s, and when the tab comes back. Refused: STOP over
   the whole screen, with the siren. No answer for 15 s: the yes goes, and it says since when nothing was checked. */
"use strict";
(function () {
  const watched = [...document.querySelectorAll("[data-watched]")];
  if (!watched.length) return;
  const EVERY = 4000, ANSWER = 3500, STALE = 15000, SIRENS = 3;
  const look = [...document.body.classList].find((name) => name.startsWith("is-"));
  let answered = Date.now(), at = watched[0].dataset.at, asking = false;

  const asked = () => watched.map((one) => `dose=${encodeURIComponent(one.dataset.watched)}&state=${one.dataset.state}`).join("&");
  /* typed text is not lost to a page that moved on */
  const touched = () => [...document.querySelectorAll("main input:not([type=hidden]), main textarea")].some((field) => field.value !== field.defaultValue);

  /* never the same form once more: the page of the dose, or the page as it was asked for */
  const again = (one) => location.assign(one.dataset.screen ? `/bedside?dose=${one.dataset.watched}` : location.pathname + location.search);

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(`/watch?${asked()}`, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(ANSWER) });
      if (!answer.ok) throw new Error(answer.status);
      const said = await answer.json();
      answered = Date.now();
      at = said.at;
      for (const one of watched) show(one, said.doses[one.dataset.watched] || { verdict: "not judged", reasons: [] });
    } catch (problem) {
      /* a locked or ended session says at once that nothing is checked; a network may come back within seconds */
      if (/^4/.test(problem.message)) answered = 0;
      old();
    }
    asking = false;
  }
  function old() {
    if (Date.now() - answered > STALE) for (const one of watched) show(one, { verdict: "stale", reasons: [] });
  }

  function show(one, said) {
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
    const made = drawn(one, "stop"), list = made.querySelector("[data-reasons]"), why = made.querySelector("[name=reason]");
    list.replaceChildren(...reasons.map((text) => { const item = document.createElement("li"); item.textContent = text; return item; }));
    if (why) why.value = `STOP: ${reasons.join(" ")}`.slice(0, 400);
    document.body.append(made);
    const field = made.querySelector("[name=volume_given_ml]"), typed = document.querySelector("main [name=volume_given_ml]");
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
    const made = drawn(one, "stale");
    made.querySelector("[data-word]").textContent = made.querySelector("[data-word]").dataset.word.replace("{time}", at);
    one.prepend(made);
  }

  for (const one of watched) if (one.dataset.verdict === "refused" && one.dataset.state === "INFUSING") stop(one, JSON.parse(one.dataset.reasons));
  setInterval(ask, EVERY);
  setInterval(old, 1000);
  for (const kind of ["visibilitychange", "pageshow"]) document.addEventListener(kind, () => { if (!document.hidden) { old(); ask(); } });
  window.addEventListener("focus", () => { old(); ask(); });
  window.addEventListener("offline", ask);
  cellbank.lookAgain = () => { for (const one of watched) if (one.dataset.verdict === "accepted") show(one, { verdict: "stale", reasons: [] }); ask(); };
})();
