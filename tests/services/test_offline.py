"""The bedside without a network, as the server sees it: what goes along, and what comes back."""

import base64
import dataclasses
import datetime
import json
import secrets
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from cellbank.domain.identifiers import dose_symbol
from cellbank.domain.offline import person_digest, wristband_digest
from cellbank.domain.refusals import Code
from cellbank.services.clinic import offline_stops
from cellbank.services.clinic.offline import Came, Sent, judgement, send_kept
from cellbank.services.clinic.offline_stops import keep_stop
from cellbank.services.people.places import Place
from tests.factories.doses import (
    MINUTE,
    SITE,
    OrderedDose,
    bedside,
    checked_dose,
    counted_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    row_of,
)
from tests.factories.sealing import kept, seal, signed
from tests.factories.world import PASSWORD, World

DURING = 42 * MINUTE


def verified(world: World, signed: Any) -> dict[str, Any]:
    """The payload, if the signature of the server fits; as the browser does."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(world.installation.keys.newest.public["verify"]))
    public.verify(base64.b64decode(signed["signature"]), signed["payload"].encode())
    return json.loads(signed["payload"])


@pytest.fixture(scope="module")
def dose(world: World) -> OrderedDose:
    dose = prepared_dose(world)
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose))
    return dose


def test_what_goes_along_is_what_the_label_says_and_what_the_wristband_must_be(world: World, dose: OrderedDose) -> None:
    signed = judgement(world.installation, dose.code, dose.at + DURING)
    judged, row = verified(world, signed), row_of(world, dose.code)
    assert judged["dose"] == dose.code and judged["next"] == "second" and judged["lot"] == dose.lot.code
    assert judged["label"] == dose_symbol(dose.code, row.expires_at.astimezone(SITE).replace(tzinfo=None))
    assert judged["subject"] == wristband_digest(judged["salt"], dose.subject)
    assert ["subject", row_of_subject(world, dose).trial_number] in judged["shown"]
    assert judged["at"] == (dose.at + DURING).isoformat()
    assert judged["until"] == (dose.at + DURING + 60 * MINUTE).isoformat()


def row_of_subject(world: World, dose: OrderedDose) -> Any:
    statement = "SELECT code, trial_number, second_identifier, born_on::text FROM subject WHERE code = :code"
    with world.installation.reads.connect() as connection:
        return connection.execute(text(statement), {"code": dose.subject}).one()


def test_what_goes_along_says_whose_it_is_by_the_trial_number_alone(world: World, dose: OrderedDose) -> None:
    signed = json.dumps(judgement(world.installation, dose.code, dose.at + DURING))
    code, number, second, born = row_of_subject(world, dose)
    assert number in signed
    for known in (code, second, born):
        assert known not in signed


def test_one_person_is_one_person_by_name_and_by_badge(world: World, dose: OrderedDose) -> None:
    """Who prepared or has checked is known by both; who may not check here is not known at all."""
    judged = verified(world, judgement(world.installation, dose.code, dose.at + DURING))
    statement = "SELECT name, code FROM person WHERE name = ANY(:names)"
    with world.installation.reads.connect() as connection:
        found = connection.execute(text(statement), {"names": ["clara", "cyril", "taras", "quinn", "ada"]}).all()
    digests = {one.name: [person_digest(judged["salt"], said) for said in one] for one in found}
    people = judged["people"]
    assert all(digests[name] in people for name in ("clara", "cyril", "taras"))  # taras prepared it
    assert not any(digests[name] in people for name in ("quinn", "ada"))
    assert sorted(judged["barred"]) == sorted(digests[name][0] for name in ("clara", "taras"))
    assert "clara" not in json.dumps(judged) and "cyril" not in json.dumps(judged)


def test_the_slow_digest_is_worked_out_once_for_a_dose(world: World, dose: OrderedDose) -> None:
    first, second = (verified(world, judgement(world.installation, dose.code, dose.at + DURING)) for _ in range(2))
    assert (first["salt"], first["subject"]) == (second["salt"], second["subject"])


def _fields(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    other = {"next": "start", "barred": [], "shown": [], "people": [], "until": "2099-01-01T00:00:00+00:00"}
    return [(name, other.get(name, f"{value}1")) for name, value in payload.items()]


def test_every_field_that_is_altered_breaks_the_signature(world: World, dose: OrderedDose) -> None:
    signed = judgement(world.installation, dose.code, dose.at + DURING)
    assert signed is not None
    payload = verified(world, signed)
    changed = _fields(payload)
    assert {name for name, _ in changed} == set(payload) and len(changed) == 14
    for name, value in changed:
        altered = {**signed, "payload": json.dumps({**payload, name: value}, ensure_ascii=False, sort_keys=True)}
        with pytest.raises(InvalidSignature):
            verified(world, altered)


def test_nothing_goes_along_of_a_dose_that_was_not_judged_and_accepted(world: World, dose: OrderedDose) -> None:
    assert judgement(world.installation, "CHA999926999999", dose.at) is None
    counted = counted_dose(world)
    assert judgement(world.installation, counted.code, counted.at + DURING) is None  # nothing to give yet
    row = row_of(world, dose.code)
    assert judgement(world.installation, dose.code, row.expires_at + MINUTE) is None  # expired
    given = infused_dose(world)
    assert judgement(world.installation, given.code, given.at + 90 * MINUTE) is None  # over
    held = checked_dose(world)
    assert verified(world, judgement(world.installation, held.code, held.at + DURING))["next"] == "start"
    world.do("quinn", "hold_lot", now=held.at + DURING, lot=held.lot.code, reason="A complaint is being looked into.")
    assert judgement(world.installation, held.code, held.at + DURING) is None


def test_nothing_goes_along_to_another_site(world: World, dose: OrderedDose) -> None:
    assert judgement(dataclasses.replace(world.installation, site=999), dose.code, dose.at + DURING) is None


def test_a_running_infusion_goes_along_to_be_ended_and_not_for_a_go(world: World) -> None:
    dose = checked_dose(world)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    judged = verified(world, judgement(world.installation, dose.code, dose.at + 46 * MINUTE))
    assert judged["next"] == "stop"


# --- what comes back --------------------------------------------------------------------------


def send(world: World, envelope: dict[str, Any], now: datetime.datetime) -> Sent:
    return send_kept(world.installation, envelope, now, place=Place("web", "a tablet"))


def kept_of(
    world: World, dose: OrderedDose, who: str, act: str, minutes: int, more: dict[str, Any] | None = None, **also: Any
) -> dict[str, Any]:
    """An act of this dose, kept by a screen that went on by a judgement of 41 minutes after the thaw."""
    given = {**(bedside(world, dose) if act == "check_dose" else {"dose": dose.code}), **(more or {})}
    also = {"judgement": signed(world, dose.code, dose.at + 41 * MINUTE), "dose": dose.code, **also}
    return kept(world, who, act, dose.at + minutes * MINUTE, given, **also)


def played(world: World, dose: OrderedDose) -> list[dict[str, Any]]:
    """The second check, the start and the end of an infusion, as a screen without a network keeps them."""
    return [
        kept_of(world, dose, "cyril", "check_dose", 42),
        kept_of(world, dose, "cyril", "start_infusion", 43),
        kept_of(world, dose, "clara", "stop_infusion", 58, {"volume_given_ml": "50"}),
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
    with world.installation.reads.connect() as connection:
        told = "SELECT count(*) FROM irregularity i JOIN act a ON a.id = i.act_id WHERE a.record_code = :code"
        assert connection.scalar(text(told), {"code": dose.code}) > 0


@pytest.mark.parametrize("seconds", [1, 30, 59, 600])
def test_a_screen_whose_clock_is_ahead_loses_no_fact(world: World, seconds: int) -> None:
    """What comes back has happened before it came: told by the clock of the server, with what the screen's said."""
    dose = checked_once(world)
    world.do("quinn", "hold_lot", now=dose.at + 41 * MINUTE, lot=dose.lot.code, reason="A complaint is looked into.")
    back = dose.at + 52 * MINUTE - datetime.timedelta(seconds=seconds)
    envelope = kept_of(world, dose, "cyril", "check_dose", 52)
    first = send(world, envelope, back)
    assert first.came is Came.RECORDED, first
    again = send(world, envelope, back + MINUTE)
    assert (again.came, again.act) == (Came.RECORDED, first.act)
    with world.installation.reads.connect() as connection:
        told = connection.execute(text("SELECT * FROM act WHERE id = :act"), {"act": first.act}).one()
    assert datetime.timedelta(0) < told.at - told.happened_at <= datetime.timedelta(microseconds=1)
    assert datetime.datetime.fromisoformat(told.given["happened_at"]) == dose.at + 52 * MINUTE
    assert row_of(world, dose.code).state == "CHECKED" and "ON_HOLD" in deviations(world, dose)[-1]


@pytest.mark.parametrize("wrong", [{"until": None}, {"at": "soon"}, {"site": 7}, None])
def test_a_judgement_that_cannot_be_read_any_more_is_answered_in_words(world: World, wrong: dict | None) -> None:
    """An earlier version of this server has signed it. What happened stays in the trail, once."""
    dose = checked_once(world)
    held = json.loads(signed(world, dose.code, dose.at + 41 * MINUTE)["payload"]) | (wrong or {})
    missing = {name: value for name, value in held.items() if value is not None and (wrong or name != "dose")}
    envelope = kept_of(
        world, dose, "cyril", "check_dose", 42, judgement=world.installation.keys.sign(json.dumps(missing))
    )
    answers = [send(world, envelope, dose.at + 50 * MINUTE) for _ in range(2)]
    assert [one.came for one in answers] == [Came.REFUSED] * 2 and answers[0].act == answers[1].act
    assert refused_in_trail(world, answers[0].act) == ["NOT_JUDGED_HERE"]
    assert "cannot be read" in answers[0].refusals[0].detail
    assert "from the bedside form on paper" in answers[0].refusals[0].detail


def test_a_wrong_password_does_nothing_and_is_given_again_for_this_act_alone(world: World) -> None:
    dose = checked_once(world)
    at = dose.at + 42 * MINUTE
    wrong = kept_of(world, dose, "cyril", "check_dose", 42, password="not the right one")
    assert send(world, wrong, at + 5 * MINUTE).came is Came.NOT_PROVED
    assert row_of(world, dose.code).state == "CHECKED_ONCE"
    public, mine = world.installation.keys.newest.public, json.loads(wrong["act"]["header"])["id"]
    right = {"name": "cyril", "password": PASSWORD}
    other = {**wrong, "proof": seal(public, {"id": "of-another-act-altogether"}, right)}
    assert send(world, other, at + 6 * MINUTE).came is Came.UNREADABLE
    mended = {**wrong, "proof": seal(public, {"id": mine}, right)}
    assert send(world, mended, at + 7 * MINUTE).came is Came.RECORDED
    assert row_of(world, dose.code).state == "CHECKED"


def test_a_check_is_signed_by_badge_as_by_name(world: World) -> None:
    """And nobody is two people by that: the server knows the badge."""
    dose = checked_once(world)
    with world.installation.reads.connect() as connection:
        codes = {one.name: one.code for one in connection.execute(text("SELECT name, code FROM person"))}
    for name, came in (("clara", Came.REFUSED), ("cyril", Came.RECORDED)):
        badge = codes[name]
        given = {"judgement": signed(world, dose.code, dose.at + 41 * MINUTE), "name": badge, "dose": dose.code}
        at = dose.at + 42 * MINUTE
        envelope = kept(world, name, "check_dose", at, bedside(world, dose), said=badge, **given)
        answer = send(world, envelope, dose.at + 50 * MINUTE)
        assert answer.came is came, (name, answer)
    assert row_of(world, dose.code).second_checked_by_id == world.people["cyril"].id


def test_nobody_proves_an_act_of_somebody_else(world: World) -> None:
    dose = prepared_dose(world)
    at = dose.at + 42 * MINUTE
    mine = kept_of(world, dose, "clara", "check_dose", 42)
    act = json.loads(mine["act"]["header"])["id"]
    proof = seal(world.installation.keys.newest.public, {"id": act}, {"name": "cyril", "password": PASSWORD})
    theirs = {**mine, "proof": proof}
    assert send(world, theirs, at + 5 * MINUTE).came is Came.NOT_PROVED
    assert row_of(world, dose.code).state == "PREPARED"


def test_a_mismatch_that_was_kept_is_no_check(world: World) -> None:
    """Two people cannot make a GO of two STOPs."""
    dose = prepared_dose(world)
    wrong = bedside(world, dose, read_back="1970-04-02")
    for minutes, who in ((42, "clara"), (43, "cyril")):
        answer = send(world, kept_of(world, dose, who, "check_dose", minutes, wrong), dose.at + 60 * MINUTE)
        assert answer.came is Came.REFUSED and answer.refusals[0].code is Code.WRISTBAND_MISMATCH
    assert row_of(world, dose.code).state == "PREPARED"


def test_an_act_that_cannot_be_is_refused_and_stands_in_the_trail(world: World) -> None:
    dose = checked_once(world)
    same = kept_of(world, dose, "clara", "check_dose", 42)
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


# --- the door is open to whoever proves who they are, and not to whatever they say -------------


def deviations(world: World, dose: OrderedDose) -> list[str]:
    """What the deviations of a dose say, oldest first."""
    with world.installation.reads.connect() as connection:
        statement = """SELECT v.classification || ': ' || v.description FROM deviation v
            JOIN deviation_link k ON k.deviation_id = v.id AND k.record_code = :code ORDER BY v.id"""
        return list(connection.scalars(text(statement), {"code": dose.code}))


def refused_in_trail(world: World, act: int | None) -> list[str]:
    with world.installation.reads.connect() as connection:
        statement = "SELECT refusals FROM act WHERE id = :act AND outcome = 'refused'"
        found = connection.scalar(text(statement), {"act": act})
    return [one["code"] for one in found or ()]


def test_what_goes_along_is_what_comes_back(world: World) -> None:
    """The real judgement opens the door, also after the pair that signed it was replaced."""
    dose = checked_once(world)
    along = judgement(world.installation, dose.code, dose.at + 41 * MINUTE)
    envelope = kept_of(world, dose, "cyril", "check_dose", 42, judgement=along)
    assert send(world, envelope, dose.at + 50 * MINUTE).came is Came.RECORDED


WITHOUT = {
    "none at all": lambda world, dose, other: None,
    "of another dose": lambda world, dose, other: signed(world, other.code, dose.at + 41 * MINUTE),
    "of another site": lambda world, dose, other: signed(world, dose.code, dose.at + 41 * MINUTE, site="CLINIC"),
    "by nobody of ours": lambda world, dose, other: {**signed(world, dose.code, dose.at + 41 * MINUTE), "key": "0000"},
    "altered": lambda world, dose, other: altered(world, dose),
    "given only afterwards": lambda world, dose, other: signed(world, dose.code, dose.at + 45 * MINUTE),
    "over by then": lambda world, dose, other: signed(world, dose.code, dose.at + 31 * MINUTE, minutes=10),
}


def altered(world: World, dose: OrderedDose) -> dict[str, str]:
    old = signed(world, dose.code, dose.at + 21 * MINUTE, minutes=10)
    return {**old, "payload": signed(world, dose.code, dose.at + 41 * MINUTE)["payload"]}


@pytest.mark.parametrize("without", WITHOUT)
def test_no_act_is_kept_without_the_judgement_of_its_dose(world: World, dose: OrderedDose, without: str) -> None:
    """Anybody can seal for this server. What they seal is no fact of an outage by that: it is refused, kept in the
    trail, and told how it can be entered."""
    own = checked_once(world)
    held = WITHOUT[without](world, own, dose)
    envelope = kept_of(world, own, "cyril", "check_dose", 42, judgement=held)
    for _ in range(2):
        answer = send(world, envelope, own.at + 43 * MINUTE)
        assert answer.came is Came.REFUSED and [one.code for one in answer.refusals] == [Code.NOT_JUDGED_HERE]
    assert refused_in_trail(world, answer.act) == ["NOT_JUDGED_HERE"]
    assert "from the bedside form on paper" in answer.refusals[0].detail
    assert row_of(world, own.code).state == "CHECKED_ONCE"


def test_the_dose_of_the_header_is_not_the_dose_of_the_act(world: World, dose: OrderedDose) -> None:
    """The judgement of one dose, and the label of another."""
    own = checked_once(world)
    stop = {"dose": own.code, "volume_given_ml": "5"}
    for act, more in (("check_dose", bedside(world, own)), ("stop_infusion", stop)):
        held = signed(world, dose.code, own.at + 41 * MINUTE)
        envelope = kept(world, "cyril", act, own.at + 42 * MINUTE, more, judgement=held, dose=dose.code)
        answer = send(world, envelope, own.at + 43 * MINUTE)
        assert [one.code for one in answer.refusals] == [Code.NOT_JUDGED_HERE], act


def test_an_end_is_told_whenever_it_comes_after_the_judgement(world: World) -> None:
    """It holds for the check and the start; an infusion ends when it ends."""
    dose = checked_once(world)
    check, start, _ = played(world, dose)
    stop = kept_of(world, dose, "clara", "stop_infusion", 190, {"volume_given_ml": "50"})
    for envelope in (check, start, stop):
        assert send(world, envelope, dose.at + 200 * MINUTE).came is Came.RECORDED


@pytest.mark.parametrize("minutes", [40.5, 43])
def test_what_the_server_has_refused_stands_beside_what_was_done_without_it(world: World, minutes: float) -> None:
    """A STOP at the bedside just before the judgement, or after it: the act may have happened and is kept; that the
    server had said STOP opens a deviation that names the refused act."""
    dose = checked_once(world)
    wrong = {"password": PASSWORD, **bedside(world, dose, read_back="1970-04-02")}
    stopped = world.try_act("cyril", "check_dose", now=dose.at + minutes * MINUTE, **wrong)
    assert not stopped.accepted
    back = dose.at + 44 * MINUTE
    answer = send(world, kept_of(world, dose, "cyril", "check_dose", 42), back)
    assert answer.came is Came.RECORDED and row_of(world, dose.code).state == "CHECKED"
    said = deviations(world, dose)
    assert len(said) == 1 and said[0].startswith("critical") and "STOPPED_BEFORE" in said[0]
    assert f"act {stopped.act}" in said[0] and "WRISTBAND_MISMATCH" in said[0]


def test_a_start_that_the_server_refused_is_no_start_of_an_outage_without_a_word(world: World) -> None:
    dose = checked_dose(world)
    world.do("quinn", "hold_lot", now=dose.at + 42 * MINUTE, lot=dose.lot.code, reason="A complaint is looked into.")
    stopped = world.try_act("clara", "start_infusion", now=dose.at + 43 * MINUTE, dose=dose.code)
    assert not stopped.accepted
    answer = send(world, kept_of(world, dose, "clara", "start_infusion", 42), dose.at + 44 * MINUTE)
    assert answer.came is Came.RECORDED
    assert f"act {stopped.act}" in deviations(world, dose)[0]


def test_a_stop_that_the_server_has_answered_itself_is_no_deviation(world: World) -> None:
    """A wrong read-back at the first check, then the right one, all with the server; and a mistyped password."""
    dose = prepared_dose(world)
    wrong = {"password": PASSWORD, **bedside(world, dose, read_back="1970-04-02")}
    assert not world.try_act("clara", "check_dose", now=dose.at + 39 * MINUTE, **wrong).accepted
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose))
    mistyped = {**bedside(world, dose), "password": "not the right one"}
    assert not world.try_act("cyril", "check_dose", now=dose.at + 41 * MINUTE, **mistyped).accepted
    answer = send(world, kept_of(world, dose, "cyril", "check_dose", 42), dose.at + 44 * MINUTE)
    assert answer.came is Came.RECORDED and deviations(world, dose) == []


# --- a STOP that the screen said by itself ----------------------------------------------------


def stopped(
    world: World, dose: OrderedDose, who: str, *, now: datetime.datetime | None = None, about: str = "", **more: Any
) -> Came:
    """A STOP of a screen without the network, sent while this person is signed in at it."""
    whole = {"id": secrets.token_hex(16), "dose": about or dose.code, "at": (dose.at + DURING).isoformat(), **more}
    whole = {"why": "WRISTBAND_MISMATCH", "raw": "SJ-of-somebody-else", **whole}
    part = seal(world.installation.keys.newest.public, whole, {"raw": whole.pop("raw")})
    at = now or datetime.datetime.now(datetime.UTC)
    return keep_stop(world.installation, part, world.people[who], at, door="web", client="a tablet")


def stops(world: World, dose: OrderedDose) -> list[Any]:
    """What is kept of the STOPs of a dose."""
    told = "SELECT given, person_id FROM act WHERE name = 'report_unreadable_scan' AND given ->> 'reason' ~ :dose"
    with world.installation.reads.connect() as connection:
        return list(connection.execute(text(f"{told} ORDER BY id"), {"dose": dose.code}).all())


def test_a_stop_without_the_network_is_kept_once_with_what_was_scanned(world: World) -> None:
    """Also when the answer was lost, and somebody else is signed in when it is sent again."""
    dose = prepared_dose(world)
    for who in ("clara", "clara", "cyril"):
        assert stopped(world, dose, who, id="a-stop-of-this-test") is Came.RECORDED
    ((given, person),) = stops(world, dose)
    assert person == world.people["clara"].id
    assert (given["raw"], given["reason_code"]) == ("SJ-of-somebody-else", "WRISTBAND_MISMATCH")
    assert "STOP without a network" in given["reason"]


def test_a_stop_waits_for_somebody_who_may_check_at_the_bedside(world: World) -> None:
    """Three of them stop a dose: nobody else can bring them in. The screen keeps it."""
    dose = prepared_dose(world)
    assert [stopped(world, dose, who) for who in ("quinn", "ada")] == [Came.LATER] * 2
    assert stops(world, dose) == []
    assert stopped(world, dose, "clara") is Came.RECORDED


def test_stops_come_no_faster_than_people_scan(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dose = prepared_dose(world)
    monkeypatch.setattr(offline_stops, "MOST_STOPS", 3)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)  # none of those before counts
    monkeypatch.setattr("cellbank.services.acts.server_time", lambda: later)
    assert [stopped(world, dose, "cyril", now=later) for _ in range(4)] == [Came.RECORDED] * 3 + [Came.LATER]
    assert stopped(world, dose, "cyril", now=later + offline_stops.STOPS_WITHIN) is Came.RECORDED


def test_what_a_stop_says_is_of_a_closed_list(world: World, dose: OrderedDose) -> None:
    """Three codes; of a dose of this site that is drawn up; and of a label only what is one of that dose."""
    other, own = prepared_dose(world), prepared_dose(world)
    label = bedside(world, own)["dose_label"]
    wrong: list[dict[str, str]] = [
        {"why": "ON_HOLD"}, {"at": "yesterday"}, {"id": "short"}, {"about": "CHA999926999999"}, {"about": "anything"},
        {"about": ordered_dose(world).code},
        *({"why": why, "raw": raw} for why in ("DOSE_LABEL_MISMATCH", "OUT_OF_TIME") for raw in
          ("a word", own.code, own.subject, bedside(world, other)["dose_label"])),
    ]  # fmt: skip
    for one in wrong:
        assert stopped(world, own, "clara", **one) is Came.UNREADABLE, one
    clara = world.people["clara"]
    assert keep_stop(world.installation, {}, clara, own.at, door="web", client="a tablet") is Came.UNREADABLE
    assert stops(world, own) == []
    assert stopped(world, own, "clara", why="DOSE_LABEL_MISMATCH", raw=label) is Came.RECORDED
    assert stopped(world, own, "clara", raw="X" * 400) is Came.RECORDED
    assert [len(given["raw"]) for given, _ in stops(world, own)] == [len(label), 100]
