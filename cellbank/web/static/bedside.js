/* The bedside and every page with a thaw clock: a scan sends its form at once; the clock runs by the server's time. */
"use strict";
(function () {
  document.addEventListener("scanned", (event) => {
    const form = event.target.closest("form[data-bedside]");
    if (form) form.requestSubmit();
  });
  /* in a form of several fields Enter goes on to the next empty one in sight (what is folded is not), and sends the
     last */
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Enter" && !event.defaultPrevented && event.target.closest("form[data-next]");
    if (!form || event.target.type === "submit") return;
    const empty = [...form.querySelectorAll("input:not([type=hidden])")].find(
      (field) => !field.value && field.checkVisibility() && field.name !== "second.one_time_code",
    );
    if (empty && empty !== event.target) {
      event.preventDefault();
      empty.focus();
    }
  });
  /* what is wrong stands in sight, also on a tablet on which the keyboard took the upper half */
  const wrong = document.querySelector(".bed-unchecked, .bed-problem");
  if (wrong) setTimeout(() => wrong.scrollIntoView({ block: "start" }));
  const words = cellbank.words();
  const spoken = (seconds) => {
    const whole = Math.abs(Math.trunc(seconds)),
      two = (number) => String(number).padStart(2, "0");
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  };
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const ahead = Date.now() - Date.parse(clock.dataset.now),
      start = Date.parse(clock.dataset.start),
      end = Date.parse(clock.dataset.end);
    let over = false;
    const tick = () => {
      const now = Date.now() - ahead,
        left = (end - now) / 1000;
      clock.querySelector("[data-since]").textContent = spoken((now - start) / 1000);
      if (!clock.dataset.end) return; /* how long it keeps is known with the diluent */
      clock.querySelector("[data-left]").textContent =
        left > 0 ? spoken(left) : words.over.replace("{time}", spoken(left));
      clock.classList.toggle("is-short", left > 0 && left < 900);
      clock.classList.toggle("is-over", left <= 0);
      /* no yes outlives its time: it goes at once, and the server says why */
      if (left <= 0 && !over) {
        over = true;
        if (cellbank.lookAgain) cellbank.lookAgain();
      }
    };
    tick();
    setInterval(tick, 1000);
  }
})();
