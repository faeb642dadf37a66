"""The bedside without a network: the judgement that goes along with the screen, the shell that works without the
server, and the door for the acts that were kept meanwhile."""

import json
from typing import Any

from flask import Response, jsonify, make_response, render_template, request
from flask_babel import gettext

from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.clinic.offline import Came, Sent, is_there, judgement, send_kept
from cellbank.services.clinic.offline_stops import keep_stop
from cellbank.services.installation import server_time
from cellbank.web.blueprint import blueprint
from cellbank.web.reasons import reason
from cellbank.web.session import now, place
from cellbank.web.shell import DOOR, HERE, client, sent_object, the_actor, the_installation, whole_installation

LARGEST_ENVELOPE = 100_000  # bytes


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """The service worker: at the root, because what it may serve is decided by where it lies."""
    script = (HERE / "static" / "worker.js").read_text()
    headers = {"Service-Worker-Allowed": "/", "Cache-Control": "no-cache"}
    return Response(script, mimetype="text/javascript", headers=headers)


@blueprint.get("/bedside/offline")
def offline_shell() -> str:
    """The page that the service worker keeps: no dose, no person, nothing but forms, words and public keys."""
    bank = whole_installation()
    return render_template(
        "bedside_offline.html",
        keys=json.dumps([pair.public for pair in bank.keys.believed(now())]),
        offline_words=json.dumps(_words(), ensure_ascii=False),
        asks_code=bool(bank.config.second_factor_roles),
        zone=str(bank.config.timezone),
    )


@blueprint.get("/bedside/alive")
def alive() -> Any:
    """Whether the server is there, with its database."""
    is_there(whole_installation())
    return "", 204


@blueprint.get("/bedside/judgement")
def bedside_judgement() -> Any:
    """The signed judgement of a dose, for the screen that shows it; nothing where there is no yes to keep, and for
    whoever may not check: it tells what a wristband is to be compared with."""
    dose = request.args.get("dose", "")
    found = judgement(the_installation(), dose, now()) if the_actor().roles & roles_for("check_dose") else None
    return jsonify(judgement=found, now=server_time().isoformat())


@blueprint.post("/bedside/kept")
def keep_sent() -> Any:
    """One act that was done without the network. The person proves themself inside of it: no session is asked for."""
    if (request.content_length or 0) > LARGEST_ENVELOPE:
        return jsonify(came=Came.UNREADABLE, problems=[gettext("It is too large.")]), 413
    where = gettext("%(station)s, kept without a network", station=client())
    sent = send_kept(whole_installation(), sent_object(), now(), place=place(where))
    return make_response(jsonify(_told(sent)), 200)


@blueprint.post("/bedside/stopped")
def keep_stopped() -> Any:
    """One STOP that the screen said without the network; kept for whoever is signed in at it now and may check."""
    where = gettext("%(station)s, kept without a network", station=client())
    came = keep_stop(the_installation(), sent_object(), the_actor(), now(), door=DOOR, client=where)
    return jsonify(came=came), 403 if came is Came.LATER else 200  # what comes later stays on the screen


def _told(sent: Sent) -> dict[str, Any]:
    """What the screen says of it, in the reader's language."""
    return {
        "came": sent.came,
        "act": sent.act,
        "reasons": [
            *([_as_deviation(sent.deviation)] if sent.deviation else []),
            *(reason(refusal)["detail"] for refusal in sent.refusals),
        ],
        "problems": list(sent.problems),
    }


def _as_deviation(code: str) -> str:
    return gettext(
        "What was told is kept in deviation %(code)s, and quality knows of it: no dose of this patient goes on before "
        "a clinician has decided. Enter this dose from its bedside form.",
        code=code,
    )


def _words() -> dict[str, str]:
    """The sentences that the shell fills in."""
    return {
        "since": gettext("Not connected since {time}"),
        "go": gettext("GO as of {time}, not connected"),
        "match": gettext("Matches what the server judged at {time}; check {n} of 2"),
        "noJudgement": gettext("This screen keeps no judgement of this dose. Use the bedside form on paper."),
        "badKey": gettext("The judgement is not signed by this bank's server. Use the bedside form on paper."),
        "cannotVerify": gettext("This browser cannot verify the judgement. Use the bedside form on paper."),
        "old": gettext("The judgement of {time} holds no longer. Use the bedside form on paper."),
        "clock": gettext("The clock of this screen has been moved. Use the bedside form on paper."),
        "expired": gettext("The dose expired at {time}. Do not infuse."),
        "label": gettext("This is not the symbol of a dose label. Scan the square symbol on the dose."),
        "oldLabel": gettext("The label is not the current one of this dose. Do not give it."),
        "wristband": gettext("The wristband is not that of the patient of this dose. Do not give it."),
        "stranger": gettext(
            "Nobody of this name or badge may check a dose here. Give the sign-in name, or scan the badge."
        ),
        "unknown": gettext(
            "It is not known whether the server still got what was signed last. Do it again here: what it has already, "
            "it says when it is back."
        ),
        "carried": gettext("Taken along: what was scanned when the network was cut."),
        "left": gettext(
            "The server has not accepted what was kept of this dose. It is settled with the server first, or on the "
            "bedside form on paper."
        ),
        "barred": gettext("{name} has already worked on this dose: the check needs another person."),
        "missing": gettext("Give everything that is asked for."),
        "volume": gettext("The volume is a number of mL."),
        "tooMuch": gettext("Only {volume} mL were prepared. Put the volume right, or keep it once more if it is true."),
        "kept": gettext("Kept here at {time}; sent when the server is back."),
        "firstKept": gettext("First check kept at {time}. Now the second person scans label and wristband again."),
        "check_dose": gettext("Check of the dose"),
        "start_infusion": gettext("Start of the infusion"),
        "stop_infusion": gettext("End of the infusion"),
        "record_reaction": gettext("Reaction"),
        "recorded": gettext("Recorded: act {act}"),
        "refused": gettext("Not accepted. It is in the trail as act {act}; call the quality officer."),
        "not_proved": gettext("Name or password was wrong: not sent. Whoever did it gives both again."),
        "unreadable": gettext("The server could not read it. Enter it from the paper form."),
        "waits": gettext("Waits for the one before it."),
        "waiting": gettext("Waits for the server."),
        "back": gettext("The server is back."),
        "subject": gettext("Subject"),
        "infusion": gettext("Infusion"),
        "day": gettext("Day"),
        "cells": gettext("Living cells"),
        "volume_ml": gettext("Volume, mL"),
        "lot": gettext("Lot"),
        "expires": gettext("Use before"),
    }
