"""Probes: a sensor that watches a tank, a room or a box, with its calibration and its limits."""

import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import Field, model_validator
from sqlalchemy import null, select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import DefinitionState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.temperature import (
    Limits,
    approval_refusals,
    asking_refusals,
    laxer_refusals,
    limit_refusals,
)
from cellbank.domain.specification import TemperatureRules
from cellbank.records.people import Definition, Person
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import effective, new_code, read_specification
from cellbank.services.inputs import Date, Identifier, OneLine, Reason, StorageCode, TemperatureC, scanned
from cellbank.services.people.account_changes import not_two
from cellbank.services.site_time import local_day
from cellbank.services.wording.column_words import told

ProbeCode = Annotated[str, *scanned(Kind.PROBE)]
Minutes = Annotated[int, Field(ge=1, le=1440, json_schema_extra={"unit": "min"})]
LIMITS = (
    "warn_above_c", "warn_minutes", "critical_above_c", "critical_readings", "reject_above_c", "gap_minutes",
    "acknowledge_minutes",
)  # fmt: skip

# Most loggers of shippers tell what they saw when they are read at the other end, and at rest nobody reads them: only
# one that has begun to send on the way is missed when it stops. A gap in a trace is found when the trace is imported.
RESTING = """EXISTS (SELECT FROM storage_unit carried WHERE carried.id = {probe}.storage_unit_id
  AND carried.type = 'shipper' AND NOT EXISTS (SELECT FROM shipment s WHERE s.shipper_id = carried.id
  AND s.state IN ('SEALED', 'ON_THE_WAY') AND {probe}.last_at >= s.sealed_at))"""


class _Limits(ActInput):
    warn_above_c: TemperatureC | None = Field(default=None, title="Warning above")
    warn_minutes: Minutes | None = Field(default=None, title="Warning after")
    critical_above_c: TemperatureC | None = Field(default=None, title="Critical above")
    critical_readings: int | None = Field(default=None, title="Readings in a row that are critical", ge=1, le=100)
    reject_above_c: TemperatureC | None = Field(default=None, title="Reject above")
    gap_minutes: Minutes | None = Field(default=None, title="Silent after")
    acknowledge_minutes: Minutes | None = Field(default=None, title="Acknowledge within")

    def given_limits(self) -> dict[str, Any]:
        """The limits that somebody gave."""
        return {name: value for name in LIMITS if (value := getattr(self, name)) is not None}


class AddProbe(_Limits):
    """Add a probe."""

    unit: StorageCode = Field(title="Watches", description="The tank, room or box in which it hangs.")
    name: OneLine = Field(title="Name", description="As written on it: Tank 1, top.")
    model: OneLine = Field(title="Model of the logger")
    serial: Identifier | None = Field(default=None, title="Serial number")
    calibrated_on: Date = Field(title="Calibrated on")
    calibration_due_on: Date = Field(title="Next calibration")

    @model_validator(mode="after")
    def _due_later(self) -> "AddProbe":
        return _due_after(self)


D = TypeVar("D", "AddProbe", "CalibrateProbe")


def _due_after(given: D) -> D:
    if given.calibration_due_on <= given.calibrated_on:
        raise ValueError("the next calibration comes after the last one")
    return given


@act(AddProbe)
def add_probe(work: Work, given: AddProbe) -> Probe:
    """Hang a probe into a unit. Limits that nobody gives are those of the specification in force (domain reference,
    §4.3). Refuses limits that are laxer than those, or contradict each other, and a calibration in the future."""
    unit = work.lock(StorageUnit, given.unit)
    values = {**_usual_limits(work, given), **given.given_limits()}
    work.show(limits={name: str(value) for name, value in values.items()})
    refusals = [*limit_refusals(_as_limits(values)), *_laxer(work, values), *_not_yet(work, given.calibrated_on)]
    work.judge(Probe, refusals=refusals, of=[unit])
    return work.add(
        Probe(
            site_id=work.actor.site_id,
            code=new_code(work, Kind.PROBE),
            storage_unit_id=unit.id,
            name=given.name,
            model=given.model,
            serial=given.serial,
            calibrated_on=given.calibrated_on,
            calibration_due_on=given.calibration_due_on,
            **values,
        )
    )


def _usual_limits(work: Work, given: _Limits) -> dict[str, Any]:
    if len(given.given_limits()) == len(LIMITS):
        return {}
    return _limits_of_rules(read_specification(effective(work, "specification").content).temperature)


def _limits_of_rules(rules: TemperatureRules) -> dict[str, Any]:
    return {
        "warn_above_c": rules.warn_above_celsius,
        "warn_minutes": rules.warn_minutes,
        "critical_above_c": rules.critical_above_celsius,
        "critical_readings": rules.critical_readings,
        "reject_above_c": rules.reject_above_celsius,
        "gap_minutes": rules.gap_minutes,
        "acknowledge_minutes": rules.acknowledge_minutes,
    }


def _laxer(work: Work, values: dict[str, Any]) -> list[Refusal]:
    """Why these limits are for two people to set: a specification in force asks for more."""
    in_force = select(Definition.code, Definition.content).where(
        Definition.type == "specification", Definition.state == DefinitionState.EFFECTIVE
    )
    given = {told("probe", name).label: value for name, value in values.items()}
    found: list[Refusal] = []
    for code, content in work.session.execute(in_force.order_by(Definition.id)):
        usual = _limits_of_rules(read_specification(content).temperature)
        found += laxer_refusals(given, {told("probe", name).label: value for name, value in usual.items()}, code)
    return found


def _as_limits(values: dict[str, Any]) -> Limits:
    return Limits(*(values[name] for name in LIMITS[:-1]))


def limits_of(probe: Probe) -> Limits:
    """The limits of a probe, as the rule takes them."""
    return _as_limits({name: _exact(getattr(probe, name)) for name in LIMITS})


def _exact(value: Any) -> Any:
    return value if isinstance(value, int) else Decimal(value)


def _not_yet(work: Work, on: datetime.date) -> tuple[Refusal, ...]:
    if on <= local_day(work, work.now):
        return ()
    return (refuse(Code.IN_THE_FUTURE, "A calibration on {on} lies in the future. Correct the date.", on=on),)


class CalibrateProbe(ActInput):
    """Record a calibration of a probe."""

    probe: ProbeCode = Field(title="Probe")
    calibrated_on: Date = Field(title="Calibrated on")
    calibration_due_on: Date = Field(title="Next calibration")
    certificate: OneLine = Field(title="Certificate")

    @model_validator(mode="after")
    def _due_later(self) -> "CalibrateProbe":
        return _due_after(self)


@act(CalibrateProbe)
def calibrate_probe(work: Work, given: CalibrateProbe) -> Probe:
    """Note a calibration; the certificate's number stands in the trail. Refuses one in the future, and one before the
    last."""
    probe = work.lock(Probe, given.probe)
    refusals = list(_not_yet(work, given.calibrated_on))
    if given.calibrated_on < probe.calibrated_on:
        sentence = "Probe {probe} was calibrated later, on {on}. Correct the date."
        refusals.append(refuse(Code.OUT_OF_ORDER, sentence, probe=probe.code, on=probe.calibrated_on))
    work.judge(probe, refusals=refusals)
    probe.calibrated_on, probe.calibration_due_on = given.calibrated_on, given.calibration_due_on
    return probe


class AskProbeLimits(_Limits):
    """Ask for other limits of a probe."""

    probe: ProbeCode = Field(title="Probe")
    reason: Reason


@act(AskProbeLimits, likely="rarely")
def ask_probe_limits(work: Work, given: AskProbeLimits) -> Probe:
    """Ask for other limits; what is left empty stays. Nothing changes until a quality officer, another person, has
    approved them."""
    probe = work.lock(Probe, given.probe)
    values = {name: getattr(probe, name) for name in LIMITS} | given.given_limits()
    work.show(limits={name: str(value) for name, value in values.items()})
    waiting = asking_refusals(probe.code, waits=probe.limits_asked is not None)
    work.judge(probe, refusals=[*limit_refusals(_as_limits(values)), *waiting])
    sentence = "The limits hold once another quality officer has approved them: they wait on the home page."
    work.warn([refuse(Code.SECOND_PERSON_NEEDED, sentence)])
    probe.limits_asked = {name: str(value) for name, value in values.items()}
    probe.limits_asked_by_id, probe.limits_asked_because = work.actor.id, given.reason
    work.transition(probe)
    return probe


class ChangeProbeLimits(SignedInput):
    """Change the limits of a probe."""

    probe: ProbeCode = Field(title="Probe")


@act(ChangeProbeLimits, likely="rarely")
def change_probe_limits(work: Work, given: ChangeProbeLimits) -> Probe:
    """Bring into force the limits that another person asked for. They count from the next reading on: no excursion
    that was found is judged again."""
    probe, asked = _asked(work, given.probe)
    first = work.session.get(Person, probe.limits_asked_by_id) if probe.limits_asked_by_id else None
    refusals = [
        *approval_refusals(probe.code, waits=bool(asked)),
        *(not_two(first, "ask_probe_limits") if first else ()),
    ]
    work.judge(probe, refusals=refusals)
    for name, value in asked.items():
        setattr(probe, name, Decimal(value) if name.endswith("_c") else int(value))
    _nothing_is_asked(probe)
    work.transition(probe)
    return probe


class DeclineProbeLimits(ActInput):
    """Decline other limits of a probe."""

    probe: ProbeCode = Field(title="Probe")
    reason: Reason


@act(DeclineProbeLimits, likely="rarely")
def decline_probe_limits(work: Work, given: DeclineProbeLimits) -> Probe:
    """The limits stay as they are; the reason stands in the trail. Whoever asked may take it back so."""
    probe, asked = _asked(work, given.probe)
    work.judge(probe, refusals=approval_refusals(probe.code, waits=bool(asked)))
    _nothing_is_asked(probe)
    work.transition(probe)
    return probe


def _asked(work: Work, code: str) -> tuple[Probe, dict[str, str]]:
    """The probe, locked, and all its limits as somebody wants them; none where nobody does."""
    probe = work.lock(Probe, code)
    return probe, dict(probe.limits_asked or {})


def _nothing_is_asked(probe: Probe) -> None:
    probe.limits_asked, probe.limits_asked_by_id, probe.limits_asked_because = null(), None, None


class RetireProbe(ActInput):
    """Retire a probe."""

    probe: ProbeCode = Field(title="Probe")
    reason: Reason


@act(RetireProbe, likely="rarely")
def retire_probe(work: Work, given: RetireProbe) -> Probe:
    """Take a probe out of use: broken, sent to be calibrated, moved to another tank (where it is added again)."""
    probe = work.lock(Probe, given.probe)
    work.judge(probe)
    probe.retired_reason = given.reason
    work.transition(probe)
    return probe
