/* The lock over a page that lies untouched: the page and its half-filled form stay, a password takes the lock away.
   The server has a lock of its own and does nothing for a locked session; this one hides what is on the screen.
   What watches an infusion hears "locked" and "unlocked" (watch.js). */
"use strict";
(function () {
  const overlay = document.getElementById("lock-overlay");
  if (
    !overlay ||
    !overlay.showModal ||
    !document.body.dataset.idle ||
    document.body.classList.contains("page-entrance")
  )
    return;
  const limit = Number(document.body.dataset.idle) * 60000,
    form = overlay.querySelector("form"),
    problem = overlay.querySelector("#lock-problem");
  const token = () => document.querySelector("meta[name=csrf-token]").content;
  let touched = Date.now(),
    told = Date.now();
  const post = (path, fields) =>
    fetch(path, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": token() },
      body: new URLSearchParams(fields || {}),
    });

  function lock() {
    if (overlay.open) return;
    document.body.classList.add("is-locked");
    overlay.showModal();
    form.elements.name.value = document.body.dataset.person;
    form.elements.password.focus();
    document.dispatchEvent(new Event("locked"));
  }
  function unlock(answer) {
    document.body.dataset.person = answer.name;
    for (const place of document.querySelectorAll("[data-full-name]")) place.textContent = answer.person;
    document.querySelector("meta[name=csrf-token]").content = answer.token;
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = answer.token;
    document.body.classList.remove("is-locked");
    overlay.close();
    touched = told = Date.now();
    document.dispatchEvent(new Event("unlocked"));
    cellbank.drain();
  }
  cellbank.lock = lock; /* for who learns from the server that it is locked */
  overlay.addEventListener("cancel", (event) => event.preventDefault());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const words = cellbank.words();
    try {
      const given = ["name", "password", "one_time_code"].filter((name) => form.elements[name]);
      const answer = await post(
        form.action,
        Object.fromEntries(given.map((name) => [name, form.elements[name].value])),
      );
      const said = await answer.json();
      for (const name of given.slice(1)) form.elements[name].value = "";
      problem.hidden = answer.ok;
      if (answer.ok) unlock(said);
      else problem.textContent = said.problem || words.wrong;
    } catch (_) {
      problem.hidden = false;
      problem.textContent = words.offline;
    }
    if (overlay.open) form.elements.password.focus();
  });
  for (const button of document.querySelectorAll("form[data-lock]")) {
    button.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
      post(button.action);
      lock();
    });
  }
  for (const kind of ["keydown", "pointerdown", "wheel"])
    document.addEventListener(
      kind,
      () => {
        if (overlay.open) return;
        touched = Date.now();
        if (touched - told > 60000) {
          told = touched;
          post("/seen").then((answer) => {
            if (answer.status === 403) lock();
          });
        }
      },
      { passive: true },
    );
  setInterval(() => {
    if (Date.now() - touched > limit) lock();
  }, 5000);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - touched > limit) lock();
  });
})();
