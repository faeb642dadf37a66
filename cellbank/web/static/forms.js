/* Forms: one click sends once, lists of scans as chips, rows that can be added, large numbers said in millions. */
"use strict";
(function () {
  const words = cellbank.words();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches(".scanbox") || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    const pressed = event.submitter;
    setTimeout(() => {
      for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) button.disabled = true;
      if (pressed && pressed.classList.contains("btn-big")) pressed.textContent = words.sending;
    });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  /* what goes along with every later scan stays in sight */
  for (const fold of document.querySelectorAll("details.earlier"))
    fold.addEventListener("toggle", () => {
      if (!fold.open && [...fold.querySelectorAll("input")].some((field) => field.value)) fold.open = true;
    });

  /* menus close when something else is opened or Escape is pressed */
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  /* lists of scans */
  for (const box of document.querySelectorAll("[data-scans]")) {
    const field = box.querySelector("textarea"),
      count = box.querySelector("[data-count]"),
      chips = document.createElement("ul");
    chips.className = "scan-chips";
    field.after(chips);
    const codes = () =>
      field.value
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
    const draw = () => {
      chips.replaceChildren(
        ...codes().map((code) => {
          const item = document.createElement("li"),
            remove = document.createElement("button");
          item.textContent = code;
          remove.type = "button";
          remove.textContent = "×";
          remove.setAttribute("aria-label", words.removed.replace("{code}", code));
          remove.addEventListener("click", () => {
            field.value = codes()
              .filter((other) => other !== code)
              .join("\n");
            draw();
            field.focus();
          });
          item.append(remove);
          return item;
        }),
      );
      count.hidden = false;
      count.textContent = codes().length;
    };
    field.addEventListener("input", draw);
    draw();
  }

  /* what is signed stands above the password as soon as the form names it */
  for (const form of document.querySelectorAll("[data-act-form]")) {
    if (!form.querySelector("[data-to-sign]")) continue;
    let asked = 0,
      timer = 0;
    const show = async () => {
      const mine = ++asked,
        named = new URLSearchParams();
      for (const field of form.querySelectorAll("[data-names-it] [name]"))
        for (const line of field.value.split("\n")) if (line.trim()) named.append(field.name, line);
      try {
        const answer = await fetch(`${location.pathname}?${named}`, { headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html"),
          found = (part) => page.querySelector(part);
        if (!answer.ok || mine !== asked) return;
        /* what is asked depends on what was named: nothing else is filled in yet */
        if (form.matches("[data-reload]") && page.querySelector("[data-act-form]:not([data-reload])")) {
          location.replace(`${location.pathname}?${named}`);
          return;
        }
        for (const part of ["[data-to-sign]", "[data-with-it]"])
          if (found(part)) form.querySelector(part).replaceWith(document.adoptNode(found(part)));
      } catch {
        /* the server shows it before it takes a signature */
      }
    };
    form.addEventListener("input", (event) => {
      if (!event.target.closest("[data-names-it]")) return;
      clearTimeout(timer);
      timer = setTimeout(show, 250);
    });
  }

  /* at the signature nothing leads to it any more */
  for (const bar of document.querySelectorAll("[data-sign-bar]"))
    new IntersectionObserver(([there]) =>
      bar.classList.toggle("is-there", there.isIntersecting || there.boundingClientRect.top < 0),
    ).observe(document.getElementById("sign"));

  /* rows */
  for (const rows of document.querySelectorAll("[data-rows]")) {
    const body = rows.querySelector("[data-rows-body]"),
      pattern = rows.querySelector("template");
    let next = body.children.length + 100;
    const arm = (row) => {
      const remove = row.querySelector("[data-remove-row]");
      remove.hidden = false;
      remove.addEventListener("click", () => row.remove());
    };
    for (const row of body.children) arm(row);
    rows.querySelector("[data-add-row]").addEventListener("click", (event) => {
      event.preventDefault();
      const made = document.createElement("div");
      made.innerHTML = pattern.innerHTML.replaceAll("__i__", next++);
      const row = made.firstElementChild;
      body.append(row);
      arm(row);
      const first = row.querySelector("input, textarea, select");
      if (first) first.focus();
    });
  }

  /* one answer for every line of a notice that is still empty; what runs is answered by itself */
  for (const row of document.querySelectorAll("[data-fill-row]")) {
    row.hidden = false;
    for (const all of row.querySelectorAll("select, input")) {
      let before = "";
      all.addEventListener("change", () => {
        const same = all.matches("select") ? "select" : "input[name$='.note']";
        for (const line of row.parentElement.querySelectorAll("tr:not([data-fill-row]):not(.line-stop)")) {
          const field = line.querySelector(same);
          if (field.value === "" || field.value === before) field.value = all.value;
        }
        before = all.value;
      });
    }
  }

  /* 57400000 is easier to check as 57.4 ×10⁶ */
  const say = (field) => {
    const said = field.closest(".field").querySelector("[data-cells-said]"),
      number = Number(field.value.replace(",", "."));
    said.textContent =
      field.value && Number.isFinite(number)
        ? words.cells.replace("{number}", String(Number((number / 1e6).toPrecision(3))))
        : "";
  };
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-cells]")) say(event.target);
  });
  for (const field of document.querySelectorAll("[data-cells]")) say(field);
})();
