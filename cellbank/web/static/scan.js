/* Scanners are keyboards that type fast and end with Enter. Loaded first, so that nothing is lost while a page loads.
   A burst goes to the form field that takes such a code, otherwise to the scan box; typing by hand is left alone. */
"use strict";
(function () {
  /* A wireless scanner or a busy machine may pause within a code: what counts is how fast the whole of it came. */
  const GAP = 60,
    CODE = 100,
    PAUSE = 250,
    SHORTEST = 5,
    TWICE = 1000,
    JOIN = 700;
  const store = {
    get(name) {
      try {
        return JSON.parse(sessionStorage.getItem(name));
      } catch (_) {
        return null;
      }
    },
    set(name, value) {
      try {
        sessionStorage.setItem(name, JSON.stringify(value));
      } catch (_) {
        /* full or forbidden */
      }
    },
  };
  let burst = null,
    leaving = false,
    leaveCode = "";
  const words = () => JSON.parse(document.body.dataset.words || "{}");
  const clock = (event) => performance.timeOrigin + event.timeStamp;

  /* ---- sounds: a tick for a scan that was taken, one tone for what was recorded, a low buzz no, three equal ones
     unknown, a siren at the open tank and at the bedside: STOP. Two rising tones are the GO of the bedside and are
     played nowhere else ---- */
  const TUNES = {
    go: [
      [880, 0, 0.09],
      [1320, 0.1, 0.14],
    ],
    yes: [[880, 0, 0.14]],
    heard: [[660, 0, 0.05]],
    no: [[150, 0, 0.5]],
    unknown: [
      [520, 0, 0.09],
      [520, 0.15, 0.09],
      [520, 0.3, 0.09],
    ],
    stop: [
      [620, 0, 0.18],
      [310, 0.2, 0.3],
      [620, 0.52, 0.18],
      [310, 0.72, 0.3],
    ],
  };
  let audio = null;
  const muted = () => localStorage.getItem("muted") === "1";
  /* the first sound of a page takes a fifth of a second to make ready: a page of many scans does it before the first */
  function tune() {
    if (muted() || !window.AudioContext) return;
    audio = audio || new AudioContext();
    if (audio.state === "suspended") audio.resume();
  }
  function play(name) {
    if (muted() || !TUNES[name] || !window.AudioContext) return;
    tune();
    for (const [pitch, at, long] of TUNES[name]) {
      const tone = audio.createOscillator(),
        loud = audio.createGain(),
        start = audio.currentTime + at;
      tone.type = name === "no" ? "sawtooth" : "sine";
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.25, start);
      loud.gain.exponentialRampToValueAtTime(0.001, start + long);
      tone.connect(loud).connect(audio.destination);
      tone.start(start);
      tone.stop(start + long);
    }
  }

  /* ---- where a scan goes ---- */
  const PATTERNS = [
    ["VL", /^[A-NP-Z1-9][A-NP-Z0-9]{2}\d{2}\d{8}[A-Z0-9]{6}$/],
    ["DN", /^[A-NP-Z1-9][A-NP-Z0-9]{2}\d{2}\d{8}$/],
    ["DS", /^CH[A-NP-Z1-9][A-NP-Z0-9]{2}\d{2}[A-Z0-9]{6}$/],
  ];
  const RECORD =
    /^(DR|CN|CU|LT|ST|RG|RS|SJ|WT|PS|HD|TK|SA|DV|CA|BR|RN|TR|TV|DC|PB|RD|EX|IC|CR|FR|SP|TD|CM|FM)[0-9A-Z]{5,}$/;
  const bareOf = (code) => code.replace(/^\](C[014]|d[12])/, "");
  const isCode = (code) =>
    /^[=&]/.test(bareOf(code)) ||
    RECORD.test(bareOf(code)) ||
    PATTERNS.some(([, pattern]) => pattern.test(bareOf(code)));
  function kindOf(code) {
    const bare = bareOf(code);
    if (/^[=&]/.test(bare)) return bare.includes("&/CH") ? "DS" : bare.includes("=,") ? "VL" : "DN";
    for (const [kind, pattern] of PATTERNS) if (pattern.test(bare)) return kind;
    return bare.slice(0, 2).toUpperCase();
  }
  const takes = (field, kind) => {
    const kinds = (field.dataset.scan || "").split(" ");
    return kinds.includes(kind) || kinds.includes("*");
  };
  function target(code) {
    const kind = kindOf(code),
      active = document.activeElement;
    if (kind === "CM") return null;
    const fields = [...document.querySelectorAll("[data-scan]")].filter(
      (field) => takes(field, kind) && field.checkVisibility(),
    );
    /* a badge goes to the field for badges, though the cursor stands in one that takes whatever is scanned */
    const meant = fields.filter((field) => field.dataset.scan.split(" ").includes(kind));
    if (
      active &&
      active.dataset &&
      active.dataset.scan !== undefined &&
      takes(active, kind) &&
      (meant.includes(active) || !meant.length)
    )
      return active;
    if (meant.length === 1) return meant[0];
    return (
      fields.find((field) => !field.value) ||
      fields.find((field) => "many" in field.dataset) ||
      (fields.length === 1 ? fields[0] : null)
    );
  }
  const dirty = () => document.querySelector("[data-act-form][data-touched]");

  function handle(code) {
    const last = store.get("last") || {};
    const now = Date.now();
    if (last.code === code && Math.abs(now - last.at) < TWICE) return;
    store.set("last", { code, at: now });
    if (leaving || document.readyState === "loading")
      return queue(code); /* the field that takes it may not be there yet */
    const overlay = document.getElementById("lock-overlay");
    if (overlay && overlay.open) return queue(code);
    const field = target(code);
    if (field) return fill(field, code);
    if (dirty() && kindOf(code) !== "CM" && leaveCode !== code) {
      leaveCode = code;
      play("unknown");
      return notice(words().notHere.replace("{code}", code));
    }
    open(code);
  }
  function queue(code) {
    store.set("queue", [...(store.get("queue") || []), code].slice(-50));
  }
  function open(code) {
    const box = document.getElementById("scanbox");
    if (!box) return queue(code);
    box.value = code;
    leaving = true;
    box.form.submit();
  }
  function fill(field, code) {
    const many = "many" in field.dataset;
    const lines = field.value
      .split(/\n/)
      .map((line) => line.trim())
      .filter(Boolean);
    if (many && lines.includes(code)) {
      play("unknown");
      return notice(words().twice.replace("{code}", code));
    }
    field.value = many ? `${[...lines, code].join("\n")}\n` : code;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    /* a page that takes the scan itself makes its own sound and keeps the focus */
    if (!field.dispatchEvent(new CustomEvent("scanned", { bubbles: true, cancelable: true, detail: code }))) return;
    play("heard");
    if (!many) {
      const next = [...document.querySelectorAll("[data-act-form] [data-scan]")].find(
        (other) => !other.value && other.checkVisibility(),
      );
      const after =
        field.closest("[data-next]") &&
        [...field.form.querySelectorAll("input:not([type=hidden])")].find(
          (other) => !other.value && other.checkVisibility(),
        );
      (next || after || field).focus();
    }
  }
  function notice(text) {
    const place = document.getElementById("notice");
    place.textContent = text;
    place.hidden = false;
  }

  /* ---- telling a burst from typing ---- */
  const typed = (field) =>
    field &&
    (field.tagName === "TEXTAREA" ||
      (field.tagName === "INPUT" && !/^(radio|checkbox|button|submit|hidden|file)$/.test(field.type)));
  const takesScans = (field) => field && (field.id === "scanbox" || field.dataset.scan !== undefined);
  function keydown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = clock(event);
    if (event.key === "Enter" || event.key === "Tab") return finish(event, at);
    if (event.key.length !== 1) return;
    if (!burst || at - burst.last > PAUSE) {
      const field = document.activeElement;
      burst = {
        text: "",
        first: at,
        last: at,
        field: typed(field) ? field : null,
        before: typed(field) ? field.value : "",
      };
    }
    burst.text += event.key;
    burst.last = at;
    if (!burst.field && burst.text.length > 1) event.preventDefault();
  }
  function finish(event, at) {
    const found = burst;
    burst = null;
    if (!found || found.text.length < SHORTEST || at - found.last > PAUSE) return;
    /* where nothing is being typed, every run of keys is a scan */
    /* a whole code may come more slowly: a scanner over radio, a busy computer */
    const pace = (found.last - found.first) / (found.text.length - 1);
    if (pace > (!found.field ? PAUSE : isCode(found.text) ? CODE : GAP)) return;
    /* a code that stalled halfway: its first half stands in the field already */
    if (takesScans(found.field) && !isCode(found.text) && isCode(found.before + found.text)) {
      found.text = found.before + found.text;
      found.before = "";
    }
    const field = found.field,
      overlay = document.getElementById("lock-overlay");
    /* A password safe, or the barcode of a manufacturer in a text field, is as fast: there only what has the shape
       of our codes is a scan. That must not stay there, or five scans at a locked screen would lock the account. */
    const elsewhere =
      overlay && overlay.open ? field : field && field.id !== "scanbox" && field.dataset.scan === undefined;
    if (elsewhere && !isCode(found.text)) {
      if (event.key === "Enter" && field.type !== "password" && field.closest("[data-act-form]"))
        event.preventDefault();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (field && field.value !== found.before) {
      field.value = found.before;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    handle(found.text);
  }
  document.addEventListener("keydown", keydown, true);
  /* who pressed something since the last scan means the next one, also of the same code ("Start again") */
  document.addEventListener("pointerdown", () => store.set("last", null), true);

  /* ---- between two pages: whole scans wait in a queue, half a scan is joined with its other half ---- */
  const isFast = (keys) =>
    keys.last - keys.first <= GAP * (keys.text.length - 1) && (!keys.field || takesScans(keys.field));
  window.addEventListener("pagehide", () => {
    leaving = true;
    if (burst && isFast(burst)) store.set("half", { text: burst.text, last: burst.last });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) leaving = false;
  });
  const half = store.get("half");
  if (half && performance.timeOrigin - half.last < JOIN)
    burst = { text: half.text, first: Date.now() + JOIN, last: Date.now() + JOIN, field: null, before: "" };
  store.set("half", null);
  document.addEventListener("submit", (event) => {
    if (event.target.matches(".scanbox") && !event.target.elements.code.value.trim()) event.preventDefault();
    if (!event.defaultPrevented) leaving = true;
  });

  function ready() {
    const box = document.getElementById("scanbox");
    play(document.body.dataset.sound);
    const begin =
      document.querySelector("[data-act-form] [aria-invalid]") ||
      [
        ...document.querySelectorAll(
          "[data-act-form] input:not([type=hidden]):not([type=radio]):not([type=checkbox]), [data-act-form] textarea",
        ),
      ].find((field) => !field.value && field.checkVisibility() && !field.closest(".second"));
    /* where a page has a field of its own for scans, the focus lives there */
    const home = document.querySelector(
      "form:not(.scanbox) [autofocus], [data-fill] [autofocus], .bed-verdict [autofocus]",
    );
    const verdict = document.querySelector(".act > .verdict:not(.verdict-unknown)");
    /* a question comes first: its answers are one click away, and no Enter of a scanner gives one */
    const asked = document.querySelector(".asked");
    if (asked) asked.focus();
    else if (verdict) {
      verdict.tabIndex = -1;
      verdict.focus();
    } else if (begin)
      begin.focus({
        preventScroll: !begin.matches("[aria-invalid]") && !!document.querySelector("[data-act-form] [name=seen]"),
      });
    else if (home) home.focus();
    else if (box && !document.querySelector(".verdict[tabindex]")) box.focus();
    for (const form of document.querySelectorAll("[data-act-form]"))
      form.addEventListener("input", () => {
        form.dataset.touched = "1";
      });
    /* the focus comes home when nothing else holds it */
    document.addEventListener("click", (event) => {
      if (
        box &&
        !event.target.closest("a, button, input, textarea, select, label, summary, dialog, [tabindex]:not(main)") &&
        !getSelection().toString()
      )
        (home && home.isConnected ? home : box).focus({ preventScroll: true });
    });
    window.addEventListener("focus", () => {
      if (box && document.activeElement === document.body) box.focus({ preventScroll: true });
    });
    const mute = document.querySelector("[data-mute]");
    if (mute) {
      const say = () => {
        mute.querySelector("span").textContent = muted() ? words().soundOff : words().soundOn;
        mute.setAttribute("aria-pressed", String(!muted()));
      };
      mute.hidden = false;
      mute.addEventListener("click", () => {
        localStorage.setItem("muted", muted() ? "0" : "1");
        say();
        play("heard");
      });
      say();
    }
    for (const button of document.querySelectorAll("[data-print]")) {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    }
    drain();
  }
  function drain() {
    const waiting = store.get("queue") || [];
    store.set("queue", []);
    waiting.forEach((code, place) => {
      if (leaving) {
        queue(code);
        return;
      }
      const field = target(code);
      if (field) fill(field, code);
      else if (!dirty()) open(code);
      else if (place === waiting.length - 1) notice(words().notHere.replace("{code}", code));
    });
  }
  window.cellbank = { play, tune, notice, words, drain, handle, kindOf };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
