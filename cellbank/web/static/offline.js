/* The bedside without the server. It says GO only for what the server has judged and signed, and only as what it is:
   as of then, not connected. Every doubt is "not checked"; every difference is STOP. */
"use strict";
(function () {
  const body = document.body,
    words = JSON.parse(body.dataset.offlineWords),
    keys = JSON.parse(body.dataset.keys);
  const find = (what) => document.querySelector(what),
    all = (what) => [...document.querySelectorAll(what)];
  const say = (name, facts) =>
    Object.entries(facts || {}).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, value), words[name] || "");
  const clockOf = (at) =>
    new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: body.dataset.zone }).format(at);
  const bare = (code) => code.replace(/^\](C[014]|d[12])/, "").replace(/[\r\n]+$/, "");
  history.replaceState(null, "", "/bedside");

  /* one round at the bed: the judgement that the label named, the scans of this person, what was shown last */
  let at = { step: "label" },
    dose = "",
    came = {}; /* came: what was typed when the network was cut, until it is used */
  const now = kept.now,
    FIRSTS = ["label", "wristband", "check"];

  /* ---- the one place that decides what the screen shows ---- */
  function show(step, facts) {
    at.step = step;
    for (const section of all("[data-step]")) section.hidden = section.dataset.step !== step;
    body.classList.toggle("off-is-go", step === "go");
    body.classList.toggle("off-is-stop", step === "stop");
    const section = find(`[data-step="${step}"]`),
      why = section.querySelector("[data-why]");
    if (why) why.textContent = (facts && facts.why) || "";
    for (const list of section.querySelectorAll("[data-facts]"))
      list.replaceChildren(...((at.judged && at.judged.shown) || []).map(fact));
    find("[data-problem]").hidden = true;
    for (const field of section.querySelectorAll("input:not([type=radio]), textarea")) {
      if (step !== "running" || field.type === "password") field.value = "";
      if (came[field.name] && !field.value) field.value = came[field.name];
    }
    const first = [...section.querySelectorAll(FIRSTS.includes(step) ? "input" : "[tabindex]")];
    if (first.length) (first.find((field) => !field.value) || first[0]).focus();
    if (step === "stop" || step === "unchecked") cellbank.play(step === "stop" ? "stop" : "unknown");
    find("[data-said]").hidden = true;
  }
  function fact([name, value]) {
    const pair = document.createElement("div"),
      term = document.createElement("dt"),
      text = document.createElement("dd");
    term.textContent = words[name] || name;
    text.textContent = value;
    pair.append(term, text);
    return pair;
  }
  /* a STOP is a near miss: it is kept too, with what was scanned, and said whether or not that succeeds */
  function stop(why, code, scanned) {
    const header = { dose: at.judged.dose, at: new Date(now()).toISOString(), why: code };
    kept.keepStop(keys, header, scanned || at.label).catch(() => undefined);
    at = { step: "stop", judged: at.judged };
    show("stop", { why });
  }
  const unchecked = (why) => {
    at = { step: "unchecked" };
    show("unchecked", { why });
  };
  function problem(text) {
    const place = find("[data-problem]");
    place.textContent = text;
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
    cellbank.play("unknown");
  }
  function said(text) {
    const place = find("[data-said]");
    place.textContent = text;
    place.hidden = false;
  }

  /* Whether the judgement still holds; nothing else may lead to a GO. */
  function holds() {
    if (kept.isSetBack()) {
      unchecked(say("clock"));
      return false;
    }
    if (now() >= Date.parse(at.judged.expires_at)) {
      stop(say("expired", { time: clockOf(Date.parse(at.judged.expires_at)) }), "OUT_OF_TIME");
      return false;
    }
    if (now() >= Date.parse(at.judged.until)) {
      unchecked(say("old", { time: clockOf(Date.parse(at.judged.at)) }));
      return false;
    }
    return true;
  }
  /* What was kept here of this dose, on top of what the server knew when it judged. */
  async function situation() {
    const ours = (await kept.acts())
      .map((one) => ({ ...JSON.parse(one.act.header), answer: one.answer }))
      .filter((one) => one.dose === at.judged.dose);
    /* what the server answered and did not record counts for nothing, and nothing goes on before it is settled */
    const isLeft = (one) => Boolean(one.answer) && ["check_dose", "start_infusion"].includes(one.act);
    const did = (name) => ours.filter((one) => one.act === name && !isLeft(one));
    const before = { first: 0, second: 1, start: 2, stop: 2 }[at.judged.next];
    const checkers = [
      ...at.judged.barred,
      ...(await Promise.all(did("check_dose").map((header) => kept.person(at.judged, header.name)))),
    ];
    return {
      ended: did("stop_infusion").length > 0,
      runs: at.judged.next === "stop" || did("start_infusion").length > 0,
      checks: before + did("check_dose").length,
      checkers,
      isLeft: ours.some(isLeft),
    };
  }
  const leftOver = (stands) => stands.isLeft && !unchecked(say("left"));

  /* ---- the scans ---- */
  async function label(raw) {
    const code = bare(raw),
      named = (code.match(/&\/(CH[A-Z0-9]{13})/) || [])[1];
    at = { step: "label" };
    if (!named || !/&>\d{10}$/.test(code)) return unchecked(say("label"));
    const one = (await kept.judgements()).find((held) => held.dose === named);
    if (!one) return unchecked(say("noJudgement"));
    let judged = null;
    try {
      judged = await kept.believed(one, keys);
    } catch (_) {
      return unchecked(say("cannotVerify"));
    }
    if (!judged || judged.dose !== named) return unchecked(say("badKey"));
    at = {
      step: "label",
      judged,
      signed: { key: one.key, payload: one.payload, signature: one.signature },
      label: code,
    };
    ({ dose } = judged);
    if ((came.dose || dose) !== dose || (came.dose_label || code) !== code) came = {};
    if (judged.label !== code) return stop(say("oldLabel"), "DOSE_LABEL_MISMATCH");
    const stands = await situation();
    if (stands.ended) return show("ended");
    if (stands.runs) return show("running");
    if (leftOver(stands)) return;
    if (holds()) show("wristband");
  }
  async function wristband(raw) {
    if (!at.judged || !holds()) return;
    const code = bare(raw);
    if (!(await kept.isSubject(at.judged, code))) return stop(say("wristband"), "WRISTBAND_MISMATCH", code);
    at.wristband = code;
    const stands = await situation();
    if (leftOver(stands)) return;
    if (stands.checks >= 2) return go();
    show("check");
    find("[data-match]").textContent = say("match", { time: clockOf(Date.parse(at.judged.at)), n: stands.checks + 1 });
  }
  async function go() {
    const stands = await situation();
    if (leftOver(stands)) return;
    if (!at.wristband || stands.checks < 2 || stands.runs || !holds()) return;
    show("go");
    find("[data-go]").textContent = say("go", { time: clockOf(Date.parse(at.judged.at)) });
  }

  /* ---- the acts ---- */
  const spoken = (said) =>
    /^PS[0-9A-Z]{5,}$/i.test(bare(said.trim())) ? bare(said.trim()).toUpperCase() : said.trim().toLowerCase();
  const typed = (form) =>
    Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
  async function keepAct(form, act, given) {
    const who = typed(form),
      name = spoken(who.name || "");
    if (!name || !who.password || Object.values(given).some((value) => !value)) {
      problem(say("missing"));
      return null;
    }
    const moment = now();
    const header = {
      id: crypto.randomUUID(),
      act,
      dose: at.judged.dose,
      site: at.judged.site,
      name,
      at: new Date(moment).toISOString(),
    };
    const content = { name, password: who.password, given, judgement: at.signed };
    if (who.one_time_code) content.one_time_code = who.one_time_code;
    await kept.keep(keys, header, content);
    came = {};
    form.reset();
    list();
    return clockOf(moment);
  }
  const FORMS = {
    label: (form) => label(form.elements.label.value),
    wristband: (form) => wristband(form.elements.wristband.value),
    async check(form) {
      const name = spoken(form.elements.name.value),
        who = await kept.person(at.judged, name),
        stands = await situation();
      if (!holds() || leftOver(stands)) return;
      if (name && !who) return problem(say("stranger"));
      if (stands.checkers.includes(who)) return problem(say("barred", { name }));
      const time = await keepAct(form, "check_dose", {
        dose_label: at.label,
        wristband: at.wristband,
        read_back: form.elements.read_back.value.trim(),
      });
      if (!time) return;
      if (stands.checks + 1 >= 2) {
        await go();
        said(say("kept", { time }));
        return;
      }
      at = { step: "label" };
      show("label");
      said(say("firstKept", { time }));
    },
    async start(form) {
      const stands = await situation();
      if (!holds() || leftOver(stands) || stands.checks < 2 || stands.runs) return;
      if (!(await kept.person(at.judged, spoken(form.elements.name.value)))) return problem(say("stranger"));
      const time = await keepAct(form, "start_infusion", { dose: at.judged.dose });
      if (time) {
        show("running");
        said(say("kept", { time }));
      }
    },
    async stop(form) {
      const given = {
          dose: at.judged.dose,
          volume_given_ml: form.elements.volume_given_ml.value.trim().replace(",", "."),
        },
        reason = form.elements.reason.value.trim();
      if (!/^\d+(\.\d+)?$/.test(given.volume_given_ml)) return problem(say("volume"));
      const [, prepared] = at.judged.shown.find(([name]) => name === "volume_ml") || [];
      if (Number(given.volume_given_ml) > Number(prepared) && at.surely !== given.volume_given_ml) {
        at.surely = given.volume_given_ml; /* it is asked once; what was given may always be told */
        return problem(say("tooMuch", { volume: prepared }));
      }
      const time = await keepAct(form, "stop_infusion", reason ? { ...given, reason } : given);
      if (time) {
        show("ended");
        said(say("kept", { time }));
      }
    },
    async reaction(form) {
      const time = await keepAct(form, "record_reaction", {
        dose: at.judged.dose,
        serious: form.elements.serious.value,
        reaction: form.elements.reaction.value.trim(),
      });
      if (time) said(say("kept", { time }));
    },
  };
  let busy = false; /* a double click is one act */
  for (const form of all("[data-form]"))
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy || at.step !== form.closest("[data-step]").dataset.step) return;
      busy = true;
      try {
        await FORMS[form.dataset.form](form);
      } catch (_) {
        unchecked(say("cannotVerify"));
      } finally {
        busy = false;
      }
    });
  document.addEventListener("scanned", (event) => {
    const form = event.target.closest("form");
    if (form && (form.dataset.form === "label" || form.dataset.form === "wristband")) {
      event.preventDefault();
      cellbank.play("heard");
      form.requestSubmit();
    }
  });
  /* a GO is a picture of the past: it goes when its time is over */
  setInterval(() => {
    if (at.step === "go" || at.step === "check" || at.step === "wristband") holds();
  }, 1000);

  /* ---- what is kept, and what came of it ---- */
  async function list() {
    const held = await kept.acts(),
      place = find("[data-list]"),
      waiting = new Set();
    find("[data-kept]").hidden = !held.length;
    /* nobody goes on beside what is still on its way, or was not looked at */
    find("[data-left]").hidden = !held.length;
    find("[data-go-on]").hidden = held.length > 0;
    find("[data-again]").hidden = at.step === "back";
    place.replaceChildren(
      ...held.map((one) => {
        const header = JSON.parse(one.act.header),
          line = find("[data-line]").content.cloneNode(true),
          answer = one.answer;
        line.querySelector("[data-what]").textContent = say(header.act);
        line.querySelector("[data-when]").textContent = `${clockOf(Date.parse(header.at))} · ${header.name}`;
        line.querySelector("[data-status]").textContent = answer
          ? say(answer.came, { act: answer.act || "" })
          : waiting.has(header.dose)
            ? say("waits")
            : say("waiting");
        line
          .querySelector("[data-reasons]")
          .replaceChildren(
            ...((answer && [...(answer.reasons || []), ...(answer.problems || [])]) || []).map((text) =>
              Object.assign(document.createElement("li"), { textContent: text }),
            ),
          );
        const proving = line.querySelector("[data-prove]"),
          seen = line.querySelector("[data-seen]");
        proving.hidden = !answer || answer.came !== "not_proved";
        seen.hidden = !answer || answer.came === "not_proved";
        for (const part of proving.querySelectorAll("[id]")) part.id = `${part.id}-${one.place}`;
        for (const part of proving.querySelectorAll("label")) part.htmlFor = `${part.htmlFor}-${one.place}`;
        proving.elements.name.value = header.name;
        proving.addEventListener("submit", async (event) => {
          event.preventDefault();
          const who = typed(proving);
          await kept.prove(keys, one.place, {
            name: spoken(who.name),
            password: who.password,
            ...(who.one_time_code ? { one_time_code: who.one_time_code } : {}),
          });
          await meet();
        });
        seen.addEventListener("click", async () => {
          await kept.seen(one.place);
          await meet();
        });
        if (answer) waiting.add(header.dose);
        return line;
      }),
    );
  }
  /* ---- there and away: with the server the old form is of no use, and shows nothing that could be taken for a GO
     ---- */
  let since = Date.now(),
    isThere = false,
    isMeeting = false;
  async function meet() {
    if (isMeeting) return;
    isMeeting = true;
    try {
      await look();
    } finally {
      isMeeting = false;
    }
  }
  async function look() {
    let there = false;
    try {
      there = (await fetch("/bedside/alive", { cache: "no-store", signal: AbortSignal.timeout(5000) })).status === 204;
    } catch (_) {
      /* away */
    }
    find("[data-go-on] a").href = dose ? `/bedside?dose=${dose}` : "/bedside";
    if (there && at.step !== "back") {
      at = { step: "back" };
      await list();
      show("back");
    }
    if (there)
      await kept
        .drain()
        .then(() => there === isThere || kept.refresh())
        .catch(() => undefined);
    if (!there && at.step === "back") {
      since = Date.now();
      at = { step: "label" };
      show("label");
    }
    isThere = there;
    find("[data-state]").textContent = there ? say("back") : say("since", { time: clockOf(since) });
    await list();
  }
  setInterval(() => {
    if (!document.activeElement || !document.activeElement.closest("[data-prove]")) meet();
  }, 3000);
  addEventListener("online", meet);

  /* ---- what was scanned and typed when the network was cut comes along; never a password ---- */
  function carried() {
    const worker = navigator.serviceWorker && navigator.serviceWorker.controller,
      { port1, port2 } = new MessageChannel();
    if (!worker) return {};
    return new Promise((done) => {
      port1.onmessage = (event) => done(event.data || {});
      setTimeout(done, 1000, {});
      worker.postMessage("carried", [port2]);
    });
  }
  async function begin() {
    await kept.remembered;
    const sent = await carried(),
      [scanned, band] = [sent.dose_label, sent.wristband];
    const { dose: about, read_back, volume_given_ml, reason } = sent;
    came = {
      dose: about,
      dose_label: bare(scanned || ""),
      read_back,
      name: sent["second.name"],
      volume_given_ml,
      reason,
    };
    if (scanned) await label(scanned);
    if (band && at.step === "wristband") await wristband(band);
    if (sent.act) said(say("unknown"));
    else if (scanned && at.step !== "unchecked") said(say("carried"));
  }
  show("label");
  begin()
    .catch(() => unchecked(say("cannotVerify")))
    .finally(meet);
})();
