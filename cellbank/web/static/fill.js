/* A box, position by position: the cursor walks on with each scan, and what is not yet sent is kept in the browser
   until the server has it, whatever happens to the network or the page. */
"use strict";
(function () {
  const page = document.querySelector("[data-fill]");
  const AT_ONCE = 100,
    AGAIN = 2000,
    prefix = "cellbank.fill.",
    person = document.body.dataset.person || "";
  const read = (name) => {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch (_) {
      return null;
    }
  };
  const words = cellbank.words();
  const say = (text, facts) =>
    Object.entries(facts || {}).reduce((said, [name, value]) => said.replace(`{${name}}`, value), text);

  /* on every other page: say that scans wait, and where */
  if (!page) {
    const waits = Object.keys(localStorage).filter(
      (name) =>
        name.startsWith(`${prefix}${person}.put.`) && (read(name) || []).some((item) => item.state === "waiting"),
    );
    if (person && waits.length) {
      const box = waits[0].split(".").pop(),
        link = document.createElement("a");
      cellbank.notice(`${words.unsent} `);
      link.href = `/storage/fill/${encodeURIComponent(box)}`;
      link.textContent = box;
      document.getElementById("notice").append(link);
    }
    return;
  }

  const { box, mode, url, other } = page.dataset,
    name = `${prefix}${person}.${mode}.${box}`,
    putting = mode === "put";
  const field = document.getElementById("fill-scan"),
    part = (key) => page.querySelector(`[data-${key}]`);
  const cells = [...page.querySelectorAll("td[data-place]")],
    cell = new Map(cells.map((one) => [one.dataset.place, one]));
  const columns = page.querySelectorAll(".boxmap thead th").length,
    bare = (code) => code.replace(/^\](C[014]|d[12])/, "");
  /* where each position expects its own vial (a shipment that arrives), a scan goes to the position of that vial */
  const vialOf = (code) => {
    const parts = /=([A-NP-Z1-9][A-NP-Z0-9]{2}\d{10})\d\d.*?=,([A-Z0-9]{6})/.exec(bare(code));
    return parts ? parts[1] + parts[2] : bare(code);
  };
  const expecting = (code) =>
    code === null ? -1 : cells.findIndex((one) => one.dataset.expects === vialOf(code) && !held(one.dataset.place));
  const full = page.dataset.full || words.full;
  let items = read(name) || [],
    at = 0,
    busy = false,
    away = false;
  const save = () => localStorage.setItem(name, JSON.stringify(items));
  const token = () => document.querySelector("meta[name=csrf-token]").content;
  const fresh = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
  const held = (place) => items.some((item) => item.place === place && item.state !== "refused");
  const isFree = (place) => !held(place) && !(putting && cell.get(place).dataset.vial);
  function seek(from) {
    for (let step = 0; step < cells.length; step += 1) {
      const index = (from + step) % cells.length;
      if (isFree(cells[index].dataset.place)) return index;
    }
    return -1;
  }
  async function post(address, body) {
    const answer = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify(body),
    });
    if (
      answer.status >= 500 ||
      answer.status === 403 ||
      answer.status === 401 ||
      answer.status === 400 ||
      !(answer.headers.get("content-type") || "").includes("json")
    )
      throw new Error(String(answer.status));
    return { status: answer.status, said: await answer.json() };
  }

  /* ---- showing ---- */
  const WORD = { waiting: "waiting", done: "done", refused: "refused" };
  function problem(text) {
    part("problem").hidden = !text;
    part("problem").textContent = text || "";
  }
  function drawCell(place) {
    const item = items.findLast((one) => one.place === place),
      one = cell.get(place);
    one.classList.remove("is-waiting", "is-done", "is-refused");
    if (item) {
      one.classList.add(`is-${WORD[item.state]}`);
      one.dataset.mark = item.state === "done" ? "✓" : item.state === "refused" ? "✕" : item.code ? "…" : "?";
    }
  }
  function drawList() {
    part("list").replaceChildren(
      ...items
        .slice(-12)
        .reverse()
        .map((item) => {
          const line = document.createElement("li");
          line.className = `is-${WORD[item.state]}`;
          const why = item.why ? `: ${item.why}` : "";
          line.textContent = `${item.place} · ${item.code || "?"} · ${words[item.state]}${why}`;
          return line;
        }),
    );
    part("done").textContent = items.filter((item) => item.state === (putting ? "done" : "waiting")).length;
    const waiting = items.filter((item) => item.state === "waiting").length;
    part("waiting").textContent = waiting;
    part("forget").hidden = !waiting;
    part("state").textContent = away ? words.away : busy ? words.sending : putting && at < 0 ? full : "";
    page.classList.toggle("is-away", away);
  }
  function drawCursor() {
    for (const one of cells) one.removeAttribute("aria-current");
    part("cursor").textContent = at < 0 ? "–" : cells[at].dataset.place;
    if (at < 0) return;
    cells[at].setAttribute("aria-current", "true");
    cells[at].scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  function draw() {
    for (const item of items) drawCell(item.place);
    drawList();
    drawCursor();
  }

  /* ---- a scan ---- */
  async function strange(code) {
    cellbank.play("unknown");
    problem(say(words.notVial, { code }));
    try {
      const { said } = await post(page.dataset.read, { code });
      if (said.kind === "ST") return go(said.code);
      if (said.sentence) problem(said.sentence);
    } catch (_) {
      /* the sentence above stands */
    }
  }
  function go(code) {
    if (code !== box) location.assign(other.replace("BOX", encodeURIComponent(code)));
    else problem("");
  }
  function take(code) {
    const kind = cellbank.kindOf(code);
    if (kind !== "VL") return void strange(code);
    if (items.some((item) => item.code && bare(item.code) === bare(code) && item.state !== "refused")) {
      cellbank.play("unknown");
      return problem(say(words.twice, { code }));
    }
    if (put(code)) cellbank.play("heard");
  }
  /* when it happened and why it is told late, as it stands in sight beside the scan; what was scanned before keeps
     its own */
  const told = () =>
    Object.fromEntries(
      [...page.querySelectorAll("[data-told] input")]
        .filter((one) => one.value.trim())
        .map((one) => [one.name, one.value.trim()]),
    );
  const toldOf = ({ happened_at, entered_late_because, improbable_because }) => ({
    happened_at,
    entered_late_because,
    improbable_because,
  });
  const toldAlike = (one, other) => JSON.stringify(toldOf(one)) === JSON.stringify(toldOf(other));
  function put(code) {
    const shut = page.dataset.stopped || (at < 0 ? full : "");
    if (shut) {
      cellbank.play("no");
      return problem(shut);
    }
    problem("");
    const own = expecting(code),
      index = own < 0 ? at : own,
      place = cells[index].dataset.place;
    items.push({ place, code, state: "waiting", ...told() });
    save();
    at = seek(index + 1);
    drawCell(place);
    drawList();
    drawCursor();
    if (putting) send();
    return true;
  }
  field.addEventListener("scanned", (event) => {
    event.preventDefault();
    field.value = "";
    take(event.detail);
  });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step && cells.length) {
      event.preventDefault();
      at = (Math.max(at, 0) + step + cells.length) % cells.length;
      drawCursor();
    }
    if (event.key === "*" && !putting) {
      event.preventDefault();
      put(null);
    }
    if (event.key === "Enter" && field.value.trim()) {
      event.preventDefault();
      const typed = field.value.trim();
      field.value = "";
      take(typed);
    }
  });
  for (const one of cells)
    one.addEventListener("click", (event) => {
      if (event.target.closest("a") && one.dataset.vial && putting) return;
      event.preventDefault();
      at = cells.indexOf(one);
      drawCursor();
      field.focus();
    });

  /* ---- sending: in order, each batch under a key of its own, so that what arrived twice is done once ---- */
  function batch() {
    const waiting = items.filter((item) => item.state === "waiting"),
      first = waiting[0];
    if (!first) return [];
    if (first.key) return waiting.filter((item) => item.key === first.key);
    const key = fresh(),
      some = first.alone
        ? [first]
        : waiting.filter((item) => !item.key && !item.alone && toldAlike(item, first)).slice(0, AT_ONCE);
    for (const item of some) item.key = key;
    save();
    return some;
  }
  function settle(sent, { status, said }) {
    const why = (said.refusals || []).map((one) => one.detail).join(" "),
      isDoubt = (said.refusals || []).length > 0 && said.refusals.every((one) => one.code === "IMPROBABLE");
    if (status === 200) for (const item of sent) item.state = "done";
    else if (isDoubt && answers.has(why) && !sent[0].improbable_because) answer(sent, answers.get(why));
    else if (sent.length > 1)
      for (const item of sent) {
        delete item.key;
        item.alone = true;
      }
    else {
      sent[0].state = "refused";
      sent[0].why = why;
      sent[0].doubted = isDoubt;
      problem(`${sent[0].place}: ${sent[0].why}`);
      cellbank.play("no");
      stay(sent[0]);
    }
    const warned = (said.result && said.result.warnings) || [];
    if (status === 200 && warned.length) {
      problem(warned.map((one) => one.detail).join(" "));
      cellbank.play("unknown");
    }
    save();
    for (const item of sent) drawCell(item.place);
  }
  /* what can hardly be is asked about: the answer goes with what was doubted, which is sent again, and later with
     what is doubted in the same words, of the same lot and time; another doubt is asked anew */
  const answers = new Map(),
    doubted = () => items.filter((item) => item.state === "refused" && item.doubted && !held(item.place));
  const asked = () => doubted().filter((item, _, all) => item.why === all[0].why);
  function answer(some, because) {
    for (const item of some) {
      delete item.key;
      Object.assign(item, { state: "waiting", doubted: false, improbable_because: because });
    }
  }
  function drawDoubt() {
    const form = part("doubt");
    if (!form || !doubted().length) return;
    problem(asked()[0].why);
    form.hidden = false;
    form.querySelector("input").focus();
  }
  if (part("doubt"))
    part("doubt").addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      const field = event.target.querySelector("input"),
        about = asked(),
        because = field.value.trim();
      if (!about.length || !because) return;
      answers.set(about[0].why, because);
      answer(about, because);
      field.value = "";
      event.target.hidden = true;
      problem("");
      save();
      at = seek(Math.max(at, 0));
      draw();
      document.getElementById("fill-scan").focus();
      send();
    });
  /* the hand has not moved: the next scan is for the same position, unless others were scanned in the meantime */
  function stay(refused) {
    if (items.at(-1) !== refused) return;
    at = cells.indexOf(cell.get(refused.place));
    drawCursor();
  }
  async function send() {
    if (busy) return;
    busy = true;
    try {
      for (let sent = batch(); sent.length; sent = batch()) {
        const answer = await post(url, {
          mode,
          key: sent[0].key,
          given: {
            vials: sent.map((item) => item.code),
            positions: sent.map((item) => item.place),
            ...toldOf(sent[0]),
          },
        });
        away = false;
        settle(sent, answer);
        drawList();
      }
    } catch (_) {
      away = true;
      setTimeout(send, AGAIN);
    }
    busy = false;
    drawList();
    drawDoubt();
  }
  window.addEventListener("online", () => {
    if (putting) send();
  });
  window.addEventListener("beforeunload", (event) => {
    if (putting && items.some((item) => item.state === "waiting")) event.preventDefault();
  });

  /* ---- the whole box at once: rescan and count ---- */
  const given = () => {
    const seen = items.filter((item) => item.state === "waiting"),
      readable = seen.filter((item) => item.code);
    return {
      vials: readable.map((item) => item.code),
      positions: readable.map((item) => item.place),
      unreadable: seen.filter((item) => !item.code).map((item) => item.place),
      ...told(),
    };
  };
  const forget = () => {
    localStorage.removeItem(name);
    items = [];
  };
  let key = fresh();
  async function whole(more) {
    try {
      const { status, said } = await post(url, { mode, key, given: { ...given(), ...more } });
      key = fresh();
      if (status === 200) {
        forget();
        location.assign(said.done);
      } else {
        cellbank.play("no");
        problem(said.refusals.map((one) => one.detail).join(" "));
      }
    } catch (_) {
      away = true;
      drawList();
    }
  }
  function ask(differences) {
    part("lines").replaceChildren(
      ...differences.map((one) => {
        const line = document.createElement("p"),
          label = document.createElement("label"),
          input = document.createElement("input");
        const book = one.book ? ` (${one.book})` : "";
        label.textContent = `${one.position || "–"} · ${one.key} · ${words[one.finding] || one.finding}${book}`;
        label.className = "form-label";
        input.className = "form-control";
        input.name = one.key;
        input.required = true;
        label.append(input);
        line.append(label);
        return line;
      }),
    );
    part("reasons").hidden = false;
    (part("lines").querySelector("input") || part("reasons").querySelector("button")).focus();
  }
  const finish = part("finish");
  if (finish)
    finish.addEventListener("click", async () => {
      problem("");
      if (mode !== "rescan") return whole({});
      try {
        const { status, said } = await post(url, { mode, look: true, given: given() });
        away = false;
        if (status === 200) ask(said.differences);
        else problem(said.refusals.map((one) => one.detail).join(" "));
      } catch (_) {
        away = true;
      }
      drawList();
    });
  part("reasons").addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const reasons = Object.fromEntries(
      [...part("lines").querySelectorAll("input")].map((input) => [input.name, input.value]),
    );
    const seconds = Number(document.getElementById("fill-seconds").value);
    whole({ reasons, ...(seconds > 0 ? { seconds_out: Math.round(seconds) } : {}) });
  });
  part("forget").addEventListener("click", () => {
    if (!window.confirm(part("forget").dataset.ask)) return;
    forget();
    location.reload();
  });

  items = items.filter((item) => item.state === "waiting");
  at = seek(0);
  if (items.length) at = seek(cells.indexOf(cell.get(items.at(-1).place)) + 1);
  draw();
  if (putting) send();
  setTimeout(cellbank.tune, 0);
})();
