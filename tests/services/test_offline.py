"""The bedside without a network, as the server sees it: what goes along, and what comes back."""

import base64
import dataclasses
import datetime
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from cellbank.domain.identifiers import dose_symbol
from cellbank.domain.offline import wristband_digest
from cellbank.domain.refusals import Code
from cellbank.services.clinic.offline import Came, Sent, judgement, keep_stop, send_kept
from tests.factories.doses import (
    MINUTE,
    SITE,
    OrderedDose,
    bedside,
    checked_dose,
    counted_dose,
    infused_dose,
    prepared_dose,
    row_of,
)
from tests.factories.sealing import kept, seal
from tests.factories.world import PASSWORD, World

DURING = 42 * MINUTE


def verified(world: World, signed: Any) -> dict[str, Any]:
    """The payload, if the signature of the server fits; as the browser does."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(world.bank.keys.newest.public["verify"]))
    public.verify(base64.b64decode(signed["signature"]), signed["payload"].encode())
    return json.loads(signed["payload"])


@pytest.fixture(scope="module")
def dose(world: World) -> OrderedDose:
    dose = prepared_dose(world)
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose))
    return dose


def test_what_goes_along_is_what_the_label_says_and_what_the_wristband_must_be(world: World, dose: OrderedDose) -> None:
    signed = judgement(world.bank, dose.code, dose.at + DURING)
    judged, row = verified(world, signed), row_of(world, dose.code)
    assert judged["dose"] == dose.code and judged["next"] == "second" and judged["lot"] == dose.lot.code
    assert judged["label"] == dose_symbol(dose.code, row.expires_at.astimezone(SITE).replace(tzinfo=None))
    assert judged["subject"] == wristband_digest(judged["salt"], dose.subject)
    assert judged["barred"] == ["clara", "taras"]
    assert judged["at"] == (dose.at + DURING).isoformat()
    assert judged["until"] == (dose.at + DURING + 60 * MINUTE).isoformat()


def test_what_goes_along_names_no_patient(world: World, dose: OrderedDose) -> None:
    signed = json.dumps(judgement(world.bank, dose.code, dose.at + DURING))
    with world.bank.reads.connect() as connection:
        statement = "SELECT code, trial_number, second_identifier, born_on::text FROM subject WHERE code = :code"
        for known in connection.execute(text(statement), {"code": dose.subject}).one():
            assert known not in signed


def _fields(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    other = {"next": "start", "barred": [], "shown": [], "until": "2099-01-01T00:00:00+00:00"}
    return [(name, other.get(name, f"{value}1")) for name, value in payload.items()]


def test_every_field_that_is_altered_breaks_the_signature(world: World, dose: OrderedDose) -> None:
    signed = judgement(world.bank, dose.code, dose.at + DURING)
    assert signed is not None
    payload = verified(world, signed)
    changed = _fields(payload)
    assert {name for name, _ in changed} == set(payload) and len(changed) == 12
    for name, value in changed:
        altered = {**signed, "payload": json.dumps({**payload, name: value}, ensure_ascii=False, sort_keys=True)}
        with pytest.raises(InvalidSignature):
            verified(world, altered)


def test_nothing_goes_along_of_a_dose_that_was_not_judged_and_accepted(world: World, dose: OrderedDose) -> None:
    assert judgement(world.bank, "CHA999926999999", dose.at) is None
    counted = counted_dose(world)
    assert judgement(world.bank, counted.code, counted.at + DURING) is None  # nothing to give yet
    row = row_of(world, dose.code)
    assert judgement(world.bank, dose.code, row.expires_at + MINUTE) is None  # expired
    given = infused_dose(world)
    assert judgement(world.bank, given.code, given.at + 90 * MINUTE) is None  # over
    held = checked_dose(world)
    assert verified(world, judgement(world.bank, held.code, held.at + DURING))["next"] == "start"
    world.do("quinn", "hold_lot", now=held.at + DURING, lot=held.lot.code, reason="A complaint is being looked into.")
    assert judgement(world.bank, held.code, held.at + DURING) is None


def test_nothing_goes_along_to_another_site(world: World, dose: OrderedDose) -> None:
    assert judgement(dataclasses.replace(world.bank, site=999), dose.code, dose.at + DURING) is None


def test_a_running_infusion_goes_along_to_be_ended_and_not_for_a_go(world: World) -> None:
    dose = checked_dose(world)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    judged = verified(world, judgement(world.bank, dose.code, dose.at + 46 * MINUTE))
    assert judged["next"] == "stop"


# --- what comes back --------------------------------------------------------------------------


def send(world: World, envelope: dict[str, Any], now: datetime.datetime) -> Sent:
    return send_kept(world.bank, envelope, now, door="web", client="a tablet")


def played(world: World, dose: OrderedDose) -> list[dict[str, Any]]:
    """The second check, the start and the end of an infusion, as a screen without a network keeps them."""
    code = {"dose": dose.code}
    return [
        kept(world, "cyril", "check_dose", dose.at + 42 * MINUTE, bedside(world, dose)),
        kept(world, "cyril", "start_infusion", dose.at + 43 * MINUTE, code),
        kept(world, "clara", "stop_infusion", dose.at + 58 * MINUTE, {**code, "volume_given_ml": "50"}),
    ]


def checked_once(world: World) -> OrderedDose:
    dose = prepared_dose(world)
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose))
    return dose


def test_what_two_people_did_is_recorded_with_its_times_once(world: World) -> None:
    dose = checked_once(world)
    acts, back = played(world, dose), dose.at + 62 * MINUTE
    for envelope in acts:
        assert send(world, envelope, back).came is Came.RECORDED
    row = row_of(world, dose.code)
    assert row.state == "INFUSED" and row.second_checked_by_id == world.people["cyril"].id
    times = [row.second_checked_at, row.infusion_started_at, row.infusion_stopped_at]
    assert times == [dose.at + minutes * MINUTE for minutes in (42, 43, 58)]
    assert [send(world, envelope, back + MINUTE).came for envelope in acts] == [Came.RECORDED] * 3  # the same answers


def test_what_was_not_allowed_is_recorded_and_opens_a_deviation(world: World) -> None:
    """A hold that nobody at the bed could know of: the infusion happened."""
    dose = checked_once(world)
    world.do("quinn", "hold_lot", now=dose.at + 41 * MINUTE, lot=dose.lot.code, reason="A complaint is looked into.")
    for envelope in played(world, dose):
        assert send(world, envelope, dose.at + 60 * MINUTE).came is Came.RECORDED
    assert row_of(world, dose.code).state == "INFUSED"
    with world.bank.reads.connect() as connection:
        told = "SELECT count(*) FROM irregularity i JOIN act a ON a.id = i.act_id WHERE a.record_code = :code"
        assert connection.scalar(text(told), {"code": dose.code}) > 0


def test_a_wrong_password_does_nothing_and_is_given_again_for_this_act_alone(world: World) -> None:
    dose = checked_once(world)
    given, at = bedside(world, dose), dose.at + 42 * MINUTE
    wrong = kept(world, "cyril", "check_dose", at, given, password="not the right one")
    assert send(world, wrong, at + 5 * MINUTE).came is Came.NOT_PROVED
    assert row_of(world, dose.code).state == "CHECKED_ONCE"
    public, mine = world.bank.keys.newest.public, json.loads(wrong["act"]["header"])["id"]
    right = {"name": "cyril", "password": PASSWORD}
    other = {**wrong, "proof": seal(public, {"id": "of-another-act-altogether"}, right)}
    assert send(world, other, at + 6 * MINUTE).came is Came.UNREADABLE
    mended = {**wrong, "proof": seal(public, {"id": mine}, right)}
    assert send(world, mended, at + 7 * MINUTE).came is Came.RECORDED
    assert row_of(world, dose.code).state == "CHECKED"


def test_nobody_proves_an_act_of_somebody_else(world: World) -> None:
    dose = prepared_dose(world)
    at = dose.at + 42 * MINUTE
    mine = kept(world, "clara", "check_dose", at, bedside(world, dose))
    act = json.loads(mine["act"]["header"])["id"]
    proof = seal(world.bank.keys.newest.public, {"id": act}, {"name": "cyril", "password": PASSWORD})
    theirs = {**mine, "proof": proof}
    assert send(world, theirs, at + 5 * MINUTE).came is Came.NOT_PROVED
    assert row_of(world, dose.code).state == "PREPARED"


def test_a_mismatch_that_was_kept_is_no_check(world: World) -> None:
    """Two people cannot make a GO of two STOPs."""
    dose = prepared_dose(world)
    wrong = bedside(world, dose, read_back="1970-04-02")
    for minutes, who in ((42, "clara"), (43, "cyril")):
        answer = send(world, kept(world, who, "check_dose", dose.at + minutes * MINUTE, wrong), dose.at + 60 * MINUTE)
        assert answer.came is Came.REFUSED and answer.refusals[0].code is Code.WRISTBAND_MISMATCH
    assert row_of(world, dose.code).state == "PREPARED"


def test_an_act_that_cannot_be_is_refused_and_stands_in_the_trail(world: World) -> None:
    dose = checked_once(world)
    same = kept(world, "clara", "check_dose", dose.at + 42 * MINUTE, bedside(world, dose))
    answer = send(world, same, dose.at + 50 * MINUTE)
    assert answer.came is Came.REFUSED and answer.act is not None and answer.refusals
    assert row_of(world, dose.code).state == "CHECKED_ONCE"


def test_the_time_and_the_dose_of_a_kept_act_cannot_be_altered(world: World) -> None:
    dose = checked_once(world)
    envelope = played(world, dose)[0]
    header = json.loads(envelope["act"]["header"])
    for name, value in {"at": dose.at.isoformat(), "name": "clara", "act": "stop_infusion", "id": "x" * 20}.items():
        altered = {"act": {**envelope["act"], "header": json.dumps({**header, name: value})}}
        assert send(world, altered, dose.at + 50 * MINUTE).came is Came.UNREADABLE, name


@pytest.mark.parametrize(
    "raw", [{}, {"act": {}}, {"act": "x"}, {"act": {"header": "{}", "once": "", "nonce": "", "sealed": ""}}]
)
def test_what_is_no_envelope_is_unreadable(world: World, raw: dict[str, Any]) -> None:
    assert send(world, raw, world.now).came is Came.UNREADABLE


# --- a STOP that the screen said by itself ----------------------------------------------------


def test_a_stop_without_the_network_is_kept_once_with_what_was_scanned(world: World, dose: OrderedDose) -> None:
    clara, public = world.people["clara"], world.bank.keys.newest.public
    header = {"id": "a-stop-of-this-test", "dose": dose.code, "at": (dose.at + DURING).isoformat()}
    part = seal(public, {**header, "why": "WRISTBAND_MISMATCH"}, {"raw": "SJ-of-somebody-else"})
    for _ in range(2):
        assert keep_stop(world.bank, part, clara, door="web", client="a tablet") is Came.RECORDED
    with world.bank.reads.connect() as connection:
        found = connection.execute(text("SELECT given, person_id FROM act WHERE key = :id"), header).mappings().all()
    assert len(found) == 1 and found[0]["person_id"] == clara.id
    given = found[0]["given"]
    assert (given["raw"], given["reason_code"]) == ("SJ-of-somebody-else", "WRISTBAND_MISMATCH")
    assert dose.code in given["reason"] and "STOP without a network" in given["reason"]


@pytest.mark.parametrize("wrong", [{"why": "ON_HOLD"}, {"at": "yesterday"}, {"id": "short"}])
def test_a_stop_that_cannot_be_read_is_not_kept(world: World, dose: OrderedDose, wrong: dict[str, str]) -> None:
    header = {"id": "another-stop-of-this-test", "dose": dose.code, "at": dose.at.isoformat()}
    part = seal(world.bank.keys.newest.public, {**header, "why": "OUT_OF_TIME", **wrong}, {"raw": "CH"})
    clara = world.people["clara"]
    assert keep_stop(world.bank, part, clara, door="web", client="a tablet") is Came.UNREADABLE
    assert keep_stop(world.bank, {}, clara, door="web", client="a tablet") is Came.UNREADABLE
