/* The bedside and every page with a thaw clock: a scan sends its form at once; the clock runs by the server's time. */
"use strict";
(function () {
  document.addEventListener("scanned", (event) => {
    const form = event.target.closest("form[data-bedside]");
    if (form) form.requestSubmit();
  });
  const words = cellbank.words();
  const spoken = (seconds) => {
    const whole = Math.abs(Math.trunc(seconds)), two = (number) => String(number).padStart(2, "0");
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  };
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const ahead = Date.now() - Date.parse(clock.dataset.now), start = Date.parse(clock.dataset.start), end = Date.parse(clock.dataset.end);
    const tick = () => {
      const now = Date.now() - ahead, left = (end - now) / 1000;
      clock.querySelector("[data-since]").textContent = spoken((now - start) / 1000);
      if (!clock.dataset.end) return; /* how long it keeps is known with the diluent */
      clock.querySelector("[data-left]").textContent = left > 0 ? spoken(left) : words.over.replace("{time}", spoken(left));
      clock.classList.toggle("is-short", left > 0 && left < 900);
      clock.classList.toggle("is-over", left <= 0);
      /* neither a GO nor a match may outlive its time: the server is asked again */
      const shown = ["is-go", "is-match"].find((name) => document.body.classList.contains(name));
      if (left <= 0 && shown) { document.body.classList.remove(shown); location.assign("/bedside?dose=" + clock.dataset.dose); }
    };
    tick();
    setInterval(tick, 1000);
  }
})();
