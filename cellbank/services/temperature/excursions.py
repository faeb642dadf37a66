"""What people do about excursions: look for silent probes, acknowledge the alarm, explain a silence, decide.

The alarm and the truth are apart: acknowledging notes that somebody came, and neither hides nor ends anything.
"""

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import ExcursionState, ProbeState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.temperature import Watch, decision_refusals
from cellbank.records.temperature import Excursion, Probe
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Outcome, SignedInput, TellingInput, act, run_act
from cellbank.services.common import told_after
from cellbank.services.inputs import Reason, Text, scanned
from cellbank.services.installation import Installation
from cellbank.services.people.actors import SYSTEM
from cellbank.services.stopping.notices import tell_clinicians
from cellbank.services.temperature.excursion_record import keep_excursions
from cellbank.services.temperature.probes import RESTING, limits_of
from cellbank.services.temperature.reading_store import second

ExcursionCode = Annotated[str, *scanned(Kind.EXCURSION)]


class LookForSilence(ActInput):
    """Look for probes that have gone silent."""


@act(LookForSilence)
def look_for_silence(work: Work, given: LookForSilence) -> None:
    """Note an excursion for every probe in use whose next reading is overdue; a logger that rests in a shipper is not
    waited for. A person looks at the probes of their site, the installation at all. The pages show an overdue probe
    without it."""
    waited_for = text(f"NOT {RESTING.format(probe='probe')}")
    in_use = (
        select(Probe).where(Probe.state == ProbeState.IN_USE, Probe.last_at.is_not(None), waited_for).order_by(Probe.id)
    )
    if Role.SYSTEM not in work.actor.roles:
        in_use = in_use.where(Probe.site_id == work.actor.site_id)
    probes = list(work.session.scalars(in_use if work.dry_run else in_use.with_for_update(key_share=True)))
    now, silent = second(work.now), []
    for probe in probes:
        watch = Watch.of(limits_of(probe), probe.watch)
        if found := watch.silence(now):
            silent.append((probe, watch, found))
    known = set(work.session.scalars(select(Excursion.probe_id).where(_is_silent_now())))
    silent = [one for one in silent if one[0].id not in known]
    work.show(silent=[probe.code for probe, _, _ in silent])
    work.judge(*probes, Excursion)
    for probe, watch, found in silent:
        probe.watch = watch.state()
        keep_excursions(work, probe, found, None)


def note_silence(installation: Installation, door: str) -> Outcome:
    """Look, in the name of the installation, and act only where a probe has gone silent: a watch that finds nothing
    leaves nothing in the trail."""
    found = run_act(installation, "look_for_silence", {}, SYSTEM, door=door, dry_run=True)
    return run_act(installation, "look_for_silence", {}, SYSTEM, door=door) if found.result["silent"] else found


def _is_silent_now() -> Any:
    return (Excursion.ended_at.is_(None)) & (Excursion.category == "silent")


class AcknowledgeExcursion(TellingInput):
    """Acknowledge a temperature alarm."""

    excursion: ExcursionCode = Field(title="Excursion")
    note: Text | None = Field(
        default=None, title="What you found", description="Lid open, nitrogen low, probe fallen out."
    )


@act(AcknowledgeExcursion)
def acknowledge_excursion(work: Work, given: AcknowledgeExcursion) -> Excursion:
    """Say that you have seen the alarm. The excursion stays what it is, and open until it is decided. Refuses a second
    acknowledgement."""
    excursion = work.lock(Excursion, given.excursion)
    refusals = list(told_after(work, "The look at it", excursion.started_at))
    if excursion.acknowledged_at is not None:
        sentence = "The alarm of excursion {excursion} is acknowledged already."
        refusals.append(refuse(Code.ALREADY_EXISTS, sentence, excursion=excursion.code))
    work.judge(excursion, refusals=refusals)
    excursion.acknowledged_at, excursion.acknowledged_by_id = work.happened, work.actor.id
    excursion.acknowledgement = given.note
    return excursion


class EndSilence(SignedInput):
    """End a silence: the sensor failed."""

    excursion: ExcursionCode = Field(title="Excursion")
    reason: Reason = Field(description="How you know that it was the sensor, and what the temperature was.")


@act(EndSilence)
def end_silence(work: Work, given: EndSilence) -> Excursion:
    """Explain a probe that says nothing any more: its silence ends now with the reason "sensor failed". A silence that
    goes on after that is another excursion; retire the probe if it is dead. Refuses what has ended or is warm."""
    excursion = work.find(Excursion, given.excursion)
    probe = work.lock_id(Probe, excursion.probe_id)
    excursion = work.lock(Excursion, given.excursion)
    work.judge(excursion, refusals=_no_silence(excursion))
    excursion.ended_at, excursion.end_reason = work.now, f"Sensor failed: {given.reason}"
    watch = Watch.of(limits_of(probe), probe.watch)
    watch.resume(second(work.now))
    probe.watch = watch.state()
    work.transition(excursion)
    return excursion


def _no_silence(excursion: Excursion) -> tuple[Refusal, ...]:
    if excursion.category == "silent" and excursion.ended_at is None:
        return ()
    sentence = "Excursion {excursion} is no silence that goes on: decide it instead."
    return (refuse(Code.WRONG_STATE, sentence, excursion=excursion.code),)


class DecideExcursion(SignedInput):
    """Decide an excursion."""

    excursion: ExcursionCode = Field(title="Excursion")
    decision: Literal["accept", "reject"] = Field(
        title="Decision",
        description="Accept: the vials may be used, then lift the holds. Reject: they may not; reject their lots.",
    )
    reason: Reason


@act(DecideExcursion)
def decide_excursion(work: Work, given: DecideExcursion) -> Excursion:
    """Say what an excursion means for the vials that stood through it. It changes no lot by itself: holds are lifted
    and lots rejected by their own acts; but of a rejected one the clinicians are told of whose doses such a vial is.
    Refuses one that goes on."""
    excursion = work.lock(Excursion, given.excursion)
    target = ExcursionState.ACCEPTED if given.decision == "accept" else ExcursionState.REJECTED
    goes_on = excursion.ended_at is None
    work.judge(excursion, refusals=decision_refusals(excursion.code, goes_on=goes_on), to=target)
    excursion.decision_reason, excursion.decided_by_id = given.reason, work.actor.id
    work.transition(excursion, to=target)
    if target == ExcursionState.REJECTED:
        tell_clinicians(work, excursion, f"Excursion {excursion.code} rejected: {given.reason}")
    return excursion
