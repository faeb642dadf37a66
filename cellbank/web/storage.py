"""Pages for the hands at the tank: filling a box by scan, looking through it, picking a dose, and the pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.picking import open_time
from cellbank.domain.refusals import Refused
from cellbank.domain.scans import read_scan
from cellbank.services.acts import REGISTRY, Malformed, Outcome, TellingInput, run_act
from cellbank.services.incidents import beside_an_answer
from cellbank.services.lookup.boards import DoseBoard, dose_board
from cellbank.services.storage.box_checks import look_through, read_picture
from cellbank.services.storage.box_map import BoxMap, box_map, storage_tree
from cellbank.services.storage.stock_pictures import levels_drawing, states_drawing, stock_document
from cellbank.services.storage.warming import find_dewar
from cellbank.services.unreadable_scans import keep_unreadable
from cellbank.web.blueprint import blueprint
from cellbank.web.icons import icon_symbol, icon_use
from cellbank.web.reading import site_moment
from cellbank.web.reasons import reason
from cellbank.web.session import now
from cellbank.web.shell import DOOR, client, say, sent_object, the_actor, the_installation
from cellbank.web.told import said_again
from cellbank.web.verdict import About, Judgement, Verdict, aloud, verdict_of

blueprint.add_app_template_global(icon_symbol)
blueprint.add_app_template_global(icon_use)

# What is done with a box position by position: the act, and whether each scan is sent as it comes.
MODES = {"put": "store_vials", "rescan": "rescan_box", "count": "count_box", "again": "count_again"}
MOST_BYTES = 200_000


@blueprint.get("/storage")
def storage_page() -> str:
    """The tree of the cold store, and how full it is."""
    tree = storage_tree(the_installation())
    return render_template("storage.html", tree=tree, drawing=levels_drawing(tree, say))


@blueprint.get("/storage/stock")
def stock_page() -> str:
    """Vials by state over time."""
    return render_template("stock.html", drawing=states_drawing(the_installation(), now(), say))


@blueprint.get("/storage/stock.pdf")
def stock_pdf() -> Response:
    """Vials by state over time, on paper."""
    content = stock_document(the_installation(), now(), say)
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": 'inline; filename="stock.pdf"'}
    )


def the_box(code: str) -> BoxMap:
    """The box of a page, or 404."""
    found = box_map(the_installation(), code, now())
    if found is None:
        abort(404)
    return found


@blueprint.get("/storage/fill/<code>")
def fill_page(code: str) -> Any:
    """A box with a cursor that walks on with each scan; scans for a shipment that wait to be sent wait on its page."""
    scan = read_scan(code)
    if not isinstance(scan, Garbled) and scan.kind is Kind.SHIPMENT:
        return redirect(url_for("web.shipment_page", code=scan.code))
    mode = request.args.get("mode", "put")
    if mode not in MODES:
        abort(404)
    act = REGISTRY[MODES[mode]]
    # Whoever counts must see the box and not the book.
    blind = mode in ("count", "again")
    mine = bool(roles_for(act.name) & the_actor().roles)
    box = the_box(code)
    shut = _shut(act.name, box) if blind and mine else ""
    return render_template("fill.html", box=box, mode=mode, act=act, mine=mine, blind=blind, shut=shut)


def _shut(act: str, box: BoxMap) -> str:
    """Why this person cannot count this box, before anything is scanned: the act is asked of an empty box."""
    outcome = run_act(the_installation(), act, {"box": box.code, "vials": []}, the_actor(), door=DOOR, dry_run=True)
    return " ".join(reason(refusal)["detail"] for refusal in outcome.refusals)


@blueprint.post("/storage/fill/<code>")
def fill_box(code: str) -> Any:
    """Do what the page has gathered: `{"mode": …, "key": …, "given": …}`; with `look` only compare it with the book."""
    sent = sent_object()
    if sent.get("mode") not in tuple(MODES) or not isinstance(sent.get("given"), dict):
        return jsonify(problem=gettext("This cannot be read.")), 400
    if sent.get("look") and sent["mode"] == "put":  # nothing in the box was looked at
        return jsonify(problem=gettext("This cannot be read.")), 400
    given = {**on_the_wall_here(sent["given"]), "box": code}
    if sent.get("look"):
        return _answered(lambda: jsonify(differences=look_through(the_installation(), MODES[sent["mode"]], given)))
    return act_on_scans(MODES[sent["mode"]], given, sent)


def on_the_wall_here(given: dict[str, Any]) -> dict[str, Any]:
    """The input of a form; when it happened was typed by the clock of the site."""
    at = given.get("happened_at")
    return {**given, "happened_at": site_moment(at, the_installation().zone)} if isinstance(at, str) else given


def told_in(form: Mapping[str, str]) -> dict[str, str]:
    """When it happened and why it is entered late, as somebody filled it in beside the scans."""
    return {name: text for name in sorted(TellingInput.TOLD) if (text := form.get(name, "").strip())}


def act_on_scans(act: str, given: dict[str, Any], sent: dict[str, Any]) -> Any:
    """Do an act with the scans that a page has gathered, under the key that it gave them; the answer is JSON."""
    key = str(sent.get("key") or "")[:200] or None

    def done() -> Any:
        outcome = run_act(the_installation(), act, given, the_actor(), door=DOOR, client=client(), key=key)
        return jsonify(_outcome(outcome)), 200 if outcome.accepted else 409

    return _answered(done)


def _answered(answer: Callable[[], Any]) -> Any:
    """An answer, or why there is none."""
    try:
        return answer()
    except Malformed as malformed:
        said = [{"field": item.field, "detail": said_again(item.message)} for item in malformed.problems]
        return jsonify(refusals=said), 422
    except Refused as refused:
        return jsonify(refusals=[reason(refusal) for refusal in refused.refusals]), 409


def _outcome(outcome: Outcome) -> dict[str, Any]:
    done = url_for("web.done_page", number=outcome.act) if outcome.act and outcome.accepted else None
    refusals = [reason(refusal) for refusal in outcome.refusals]
    return {"act": outcome.act, "result": outcome.result, "refusals": refusals, "done": done}


@blueprint.post("/storage/read")
def read_code() -> Any:
    """What a scan is that the page of a box cannot use, in words; one that cannot be read at all is kept."""
    raw = str(sent_object().get("code", ""))[:500]
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        with beside_an_answer():
            keep_unreadable(the_installation(), the_actor(), raw, scan.sentence, door=DOOR)
        return jsonify(kind=None, sentence=said_again(scan.sentence))
    sentence = gettext("This is a %(kind)s code: a vial is scanned here.", kind=say(scan.kind.name.lower()))
    return jsonify(kind=scan.kind.value, code=scan.code, sentence="" if scan.kind is Kind.VIAL else sentence)


# --- the picture of a rack scanner ------------------------------------------------------------


@blueprint.route("/storage/picture/<code>", methods=["GET", "POST"])
def picture_page(code: str) -> Any:
    """Compare the file of a rack scanner with the book; give each difference its reason; correct the book."""
    the_box(code)
    seen = _Picture()
    if request.method == "POST":
        _look_at(seen, code)
    verdict = verdict_of(About.DONE, None if seen.problems else seen.outcome)
    if seen.problems or seen.outcome:
        aloud(verdict)
    page = render_template("picture.html", box=the_box(code), seen=seen, verdict=verdict)
    return page, 422 if seen.problems else 409 if seen.refusals else 200


@dataclass
class _Picture:
    """What the page of a picture shows."""

    text: str = ""
    differences: list[dict[str, Any]] | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def done(self) -> bool:
        """Whether the book was corrected."""
        return self.outcome is not None and self.outcome.accepted


def _look_at(seen: _Picture, code: str) -> None:
    file = request.files.get("file")
    seen.text = read_picture(file.read(MOST_BYTES)) if file and file.filename else request.form.get("picture", "")
    given = {
        name.removeprefix("reason."): text.strip()
        for name, text in request.form.items()
        if text.strip() and name.startswith("reason.")
    }
    seen.reasons = given
    seen.told = told_in(request.form)
    asked = {"box": code, "picture": seen.text, "reasons": given, **on_the_wall_here(seen.told)}
    try:
        seen.differences = look_through(the_installation(), "reconcile_rack", asked)
        if request.form.get("intent") == "do":
            seen.outcome = run_act(the_installation(), "reconcile_rack", asked, the_actor(), door=DOOR, client=client())
            seen.refusals = [reason(refusal) for refusal in seen.outcome.refusals]
    except Malformed as malformed:
        seen.problems = [said_again(item.message) for item in malformed.problems]
    except Refused as refused:
        seen.outcome = Outcome(False, None, {}, refused.refusals)
        seen.refusals = [reason(refusal) for refusal in refused.refusals]


# --- picking a dose at the tank ---------------------------------------------------------------


@blueprint.route("/storage/pick/<code>", methods=["GET", "POST"])
def pick_page(code: str) -> Any:
    """One vial after the other, in the order of the tank: scan the dewar that they are carried in, if there is one,
    then the box, then the vial. What does not fit stops."""
    refusals: list[dict[str, str]] = []
    problems: list[str] = []
    box, into = request.values.get("box", ""), request.values.get("into", "")
    told = told_in(request.values)
    if request.method == "POST" and request.form.get("vial"):
        given = {"dose": code, "box": box, "vial": request.form["vial"], **({"dewar": into} if into else {})}
        given |= on_the_wall_here(told)
        try:
            outcome = run_act(the_installation(), "pick_vial", given, the_actor(), door=DOOR, client=client())
        except Malformed as malformed:
            problems = [said_again(item.message) for item in malformed.problems]
        else:
            refusals = [reason(refusal) for refusal in outcome.refusals]
            if outcome.accepted:
                filled: dict[str, Any] = {"code": code, "box": box, "into": into or None, **told}
                return redirect(url_for("web.pick_page", **filled), 303)
    board = dose_board(the_installation(), code)
    if board is None:
        abort(404)
    scanned = find_dewar(the_installation(), _code_of(box))
    if scanned is not None:
        box, into = "", scanned.code
    if box and not refusals and not problems:
        box, problems = _box_of(box, board)
    verdict = Verdict(About.VIAL)
    if problems or refusals:
        verdict = aloud(replace(verdict, judgement=Judgement.REFUSED))
    page = render_template(
        "pick.html",
        board=board,
        box=box,
        dewar=find_dewar(the_installation(), into) if into else None,
        verdict=verdict,
        reasons=[*refusals, *({"detail": item} for item in problems)],
        time=open_time([line.line for line in board.to_pick]),
        told=told,
    )
    return page, 422 if problems else 409 if refusals else 200


def _code_of(raw: str) -> str:
    scan = read_scan(raw)
    return "" if isinstance(scan, Garbled) else scan.code


def _box_of(raw: str, board: DoseBoard) -> tuple[str, list[str]]:
    """The box that was scanned, if the next vial stands in it; else what is wrong."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        return "", [said_again(scan.sentence)]
    first = board.to_pick[0] if board.to_pick else None
    if first is None or scan.code == first.box:
        return scan.code, []
    if any(line.box == scan.code for line in board.to_pick):
        return "", []  # the boxes before it are finished, or another one comes first: it is scanned when its turn comes
    return "", [
        gettext("This box holds no vial of the list. Close it: the next vial stands at %(place)s.", place=first.place)
    ]
