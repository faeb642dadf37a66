"""Who may sign: the statement is accepted, a training is valid on the day; the database says so too."""

import datetime

import pytest
from sqlalchemy import text

from cellbank.domain import agreement
from cellbank.domain.rules import authority
from cellbank.services.acts import Malformed
from cellbank.services.people.actors import actor_by_name
from tests.factories.people import accept, newcomer, to_sign, train
from tests.factories.world import World

pytestmark = pytest.mark.usefixtures("real_passwords")

# ---- the statement (R9)


@pytest.mark.requirement("R9")
def test_nobody_signs_before_the_statement_is_accepted(world: World) -> None:
    name, waiting = newcomer(world), to_sign(world)
    train(world, name, "2026-01-01", "2026-12-31")
    outcome = world.try_act(name, "decide_reagent", **waiting)
    assert [refusal.code.value for refusal in outcome.refusals] == ["AGREEMENT_NEEDED"]
    assert "Accept the statement first" in outcome.refusals[0].detail
    assert world.codes(name, "decide_reagent", **waiting, dry_run=True) == ["AGREEMENT_NEEDED"]
    accept(world, name)
    assert world.do(name, "decide_reagent", **waiting)["state"] == "ACCEPTED"


@pytest.mark.requirement("R9")
def test_a_new_statement_is_accepted_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = to_sign(world)
    monkeypatch.setattr(agreement, "VERSION", "2 (another text)")
    outcome = world.try_act("oksana", "decide_reagent", **waiting)
    assert [refusal.code.value for refusal in outcome.refusals] == ["AGREEMENT_NEEDED"]
    assert "has changed" in outcome.refusals[0].detail


@pytest.mark.requirement("R9")
def test_only_the_statement_in_force_is_accepted_and_each_accepts_for_themself(world: World) -> None:
    name = newcomer(world)
    assert world.codes(name, "accept_agreement", version="0") == ["CHANGED_MEANWHILE"]
    with pytest.raises(Malformed):
        world.try_act(name, "accept_agreement", version=agreement.VERSION, name="quinn")
    assert world.codes("otto", "accept_agreement", version=agreement.VERSION) == ["ROLE_NOT_ALLOWED"]
    accept(world, name)
    with world.installation.reads.connect() as connection:
        row = connection.execute(text("SELECT * FROM person WHERE name = :name"), {"name": name}).one()
    assert (row.agreement_version, row.agreement_at) == (agreement.VERSION, world.now)


def test_another_text_is_another_version() -> None:
    """The digest in the version is that of the text; whoever changes the text asks everybody again."""
    assert agreement.VERSION.startswith("1 (") and len(agreement.PARAGRAPHS) == 5


# ---- training (R8)


@pytest.mark.requirement("R8")
def test_an_expired_training_blocks_signing_and_says_until_when_it_was_valid(world: World) -> None:
    name, waiting = newcomer(world), to_sign(world)
    accept(world, name)
    assert world.codes(name, "decide_reagent", **waiting) == ["TRAINING_EXPIRED"]
    train(world, name, "2025-01-01", "2026-03-01")
    outcome = world.try_act(name, "decide_reagent", **waiting)
    assert [refusal.code.value for refusal in outcome.refusals] == ["TRAINING_EXPIRED"]
    assert "2026-03-01" in outcome.refusals[0].detail
    train(world, name, "2026-03-02", "2027-03-01")
    assert world.try_act(name, "decide_reagent", **waiting).accepted


@pytest.mark.requirement("R8", "R21")
def test_the_day_of_a_training_is_the_site_s_day(world: World) -> None:
    """On 1 March at 22:30 UTC it is 2 March in Kyiv."""
    name, waiting = newcomer(world), to_sign(world)
    accept(world, name)
    train(world, name, "2026-01-01", "2026-03-01")
    last = datetime.datetime(2026, 3, 1, 21, 59, tzinfo=datetime.UTC)
    assert world.try_act(name, "decide_reagent", **waiting, now=last, dry_run=True).accepted
    over = world.try_act(name, "decide_reagent", **waiting, now=last + datetime.timedelta(minutes=31))
    assert [refusal.code.value for refusal in over.refusals] == ["TRAINING_EXPIRED"]


@pytest.mark.requirement("R8")
def test_a_training_for_another_role_does_not_count(world: World) -> None:
    name, waiting = newcomer(world, "quality_officer", "technician"), to_sign(world)
    accept(world, name)
    train(world, name, "2026-01-01", "2026-12-31", role="technician")
    assert world.codes(name, "decide_reagent", **waiting) == ["TRAINING_EXPIRED"]


@pytest.mark.requirement("R8")
def test_a_revoked_training_counts_no_longer(world: World) -> None:
    name, waiting = newcomer(world), to_sign(world)
    accept(world, name)
    made = train(world, name, "2026-01-01", "2026-12-31")
    assert world.do("quinn", "revoke_training", training=made, reason="recorded by mistake")["state"] == "REVOKED"
    world.meet(name)
    assert world.codes(name, "decide_reagent", **waiting) == ["TRAINING_EXPIRED"]
    assert world.codes("quinn", "revoke_training", training=made, reason="once more, please") == ["WRONG_STATE"]


@pytest.mark.requirement("R8", "R14")
@pytest.mark.the_database_refuses("ck_training_recorded_by_another_person")
def test_nobody_records_a_training_of_their_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"name": "quinn", "role": "quality_officer", "procedure": "SOP-7 version 2"}
    days = {"trained_on": "2026-01-01", "valid_until": "2026-12-31"}
    assert world.codes("quinn", "record_training", **given, **days) == ["SAME_PERSON"]
    monkeypatch.setattr("cellbank.services.people.training._own", lambda work, person: [])
    outcome = world.try_act("quinn", "record_training", **given, **days)
    assert [refusal.code.value for refusal in outcome.refusals] == ["SAME_PERSON"]
    assert "faster" in outcome.refusals[0].detail  # the database's word


@pytest.mark.parametrize("who", ["tina", "clara", "otto"])
def test_only_administrators_and_quality_officers_record_trainings(world: World, who: str) -> None:
    given = {"name": "taras", "role": "technician", "procedure": "SOP-7", "trained_on": "2026-01-01"}
    assert world.codes(who, "record_training", **given, valid_until="2026-12-31") == ["ROLE_NOT_ALLOWED"]


def test_a_training_in_the_future_or_of_nobody_is_refused(world: World) -> None:
    given = {"role": "technician", "procedure": "SOP-7", "valid_until": "2026-12-31"}
    assert world.codes("ada", "record_training", name="tina", trained_on="2026-03-03", **given) == ["IN_THE_FUTURE"]
    assert world.codes("ada", "record_training", name="no.body", trained_on="2026-03-01", **given) == ["NOT_FOUND"]


@pytest.mark.parametrize(
    "wrong", [{"valid_until": "2025-12-31"}, {"valid_until": "soon"}, {"role": "administrator"}, {"procedure": ""}]
)
def test_a_training_that_cannot_be_read(world: World, wrong: dict) -> None:
    given = {"name": "tina", "role": "technician", "procedure": "SOP-7", "trained_on": "2026-01-01"}
    with pytest.raises(Malformed):
        world.try_act("ada", "record_training", **{**given, "valid_until": "2026-12-31", **wrong})


# ---- the database has the last word


@pytest.mark.requirement("R8", "R9")
@pytest.mark.parametrize("missing", ["AGREEMENT_NEEDED", "TRAINING_EXPIRED"])
@pytest.mark.the_database_refuses("a_signer_has_accepted_the_agreement", "a_signer_is_trained")
def test_the_database_refuses_the_signature_too(world: World, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    name, waiting = newcomer(world), to_sign(world)
    if missing == "AGREEMENT_NEEDED":
        train(world, name, "2026-01-01", "2026-12-31")
    else:
        accept(world, name)
        train(world, name, "2025-01-01", "2026-03-01")
    monkeypatch.setattr(authority, "signer_refusals", lambda signer: ())
    outcome = world.try_act(name, "decide_reagent", **waiting)
    assert [refusal.code.value for refusal in outcome.refusals] == [missing]


def test_who_acts_is_known_in_one_row(world: World) -> None:
    """Every request begins with it: what decides about signing costs no round trip of its own."""
    quinn = actor_by_name(world.installation, "quinn")
    assert quinn.agreement == agreement.VERSION and quinn.zone == "Europe/Kyiv"
    assert [one.role for one in quinn.trained] == ["quality_officer"] and not quinn.lacks_second_factor
