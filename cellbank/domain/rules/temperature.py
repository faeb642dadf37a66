"""What the readings of a probe mean: the one rule that finds excursions.

Between two readings the temperature is what the earlier one says. Above the warning limit a **stretch** begins; it ends
with the first reading that is back. It is an excursion when it lasted longer than allowed (warning), when so many
readings in a row lay above the glass transition (critical), or when one lay above the limit of rejection (reject). Time
without readings is an excursion too (silent): unknown is warm until somebody explains it (domain reference, §4.3).

Times are whole seconds since 1970, temperatures whole hundredths of a degree: the figures are exact, in any order of
adding up. Twins in the database: no_dose_from_an_undecided_excursion,
no_lifting_before_the_decision, a_probe_begins_as_its_product_asks, limits_are_changed_by_two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from cellbank.domain.lifecycle.states import ExcursionState
from cellbank.domain.refusals import Code, Refusal, refuse

KINDS = ("silent", "warning", "critical", "reject")
GRAVE = frozenset({"critical", "reject"})
"""What stops the lots at once and keeps a dose from the patient until it is decided."""


def hundredths(celsius: Decimal) -> int:
    """Degrees as whole hundredths; a finer figure is rounded to the even one."""
    return round(celsius * 100)


@dataclass(frozen=True)
class Limits:
    """The limits of one probe, in degrees Celsius and minutes."""

    warn_above: Decimal
    warn_minutes: int
    critical_above: Decimal
    critical_readings: int
    reject_above: Decimal
    gap_minutes: int

    @property
    def levels(self) -> tuple[int, int, int]:
        """The three limits in hundredths, the coldest first."""
        return hundredths(self.warn_above), hundredths(self.critical_above), hundredths(self.reject_above)


@dataclass(frozen=True)
class Excursion:
    """One excursion, `ended` None as long as it goes on. `seconds` and `degree_seconds` (hundredths of a degree times
    seconds) count what lay above the warning, the critical and the rejecting limit."""

    kind: str
    started: int
    ended: int | None
    peak: int
    seconds: tuple[int, ...] = (0, 0, 0)
    degree_seconds: tuple[int, ...] = (0, 0, 0)


@dataclass
class _Stretch:
    """Readings above the warning limit, one after the other."""

    started: int
    peak: int = -(10**9)
    in_a_row: int = 0  # readings above the critical limit, up to the last one
    is_critical: bool = False
    seconds: list[int] = field(default_factory=lambda: [0, 0, 0])
    degree_seconds: list[int] = field(default_factory=lambda: [0, 0, 0])

    def see(self, value: int, limits: Limits) -> None:
        self.peak = max(self.peak, value)
        self.in_a_row = self.in_a_row + 1 if value > limits.levels[1] else 0
        self.is_critical = self.is_critical or self.in_a_row >= limits.critical_readings

    def hold(self, value: int, seconds: int, limits: Limits) -> None:
        """The reading `value` held for so many seconds."""
        for place, level in enumerate(limits.levels):
            if value > level:
                self.seconds[place] += seconds
                self.degree_seconds[place] += seconds * (value - level)

    def excursion(self, until: int, limits: Limits, *, goes_on: bool = False) -> tuple[Excursion, ...]:
        """The stretch as an excursion, if it is one."""
        kind = None
        if self.peak > limits.levels[2]:
            kind = "reject"
        elif self.is_critical:
            kind = "critical"
        elif until - self.started > limits.warn_minutes * 60:
            kind = "warning"
        if kind is None:
            return ()
        ended = None if goes_on else until
        return (Excursion(kind, self.started, ended, self.peak, tuple(self.seconds), tuple(self.degree_seconds)),)


@dataclass
class Watch:
    """What a probe has shown so far. Readings come in their order, in as many pieces as they like: what is found does
    not depend on how they were cut. `state` and `of` carry it from one piece to the next."""

    limits: Limits
    last: int | None = None
    value: int = 0
    stretch: _Stretch | None = None

    def read(self, readings: Iterable[tuple[int, int]]) -> list[Excursion]:
        """Take the next readings, (second, hundredths); returns the excursions that ended with them, in their order."""
        found: list[Excursion] = []
        limits, warn, gap = self.limits, self.limits.levels[0], self.limits.gap_minutes * 60
        last, value, stretch = self.last, self.value, self.stretch
        for at, new in readings:
            if last is not None and at - last > gap:
                if stretch is not None:
                    found += stretch.excursion(last, limits)
                    stretch = None
                found.append(Excursion("silent", last, at, max(value, new)))
            elif stretch is not None and last is not None:
                stretch.hold(value, at - last, limits)
            if new > warn:
                stretch = stretch or _Stretch(at)
                stretch.see(new, limits)
            elif stretch is not None:
                found += stretch.excursion(at, limits)
                stretch = None
            last, value = at, new
        self.last, self.value, self.stretch = last, value, stretch
        return found

    def going_on(self) -> tuple[Excursion, ...]:
        """The excursion that the last reading leaves open, with its figures up to then; at most one."""
        if self.stretch is None or self.last is None:
            return ()
        return self.stretch.excursion(self.last, self.limits, goes_on=True)

    def silence(self, now: int) -> list[Excursion]:
        """What the lack of readings means by now: a stretch ends with its last reading, and the silence goes on.
        Nothing, as long as the next reading may still come."""
        if self.last is None or now - self.last <= self.limits.gap_minutes * 60:
            return []
        ended = list(self.stretch.excursion(self.last, self.limits)) if self.stretch else []
        self.stretch = None
        return [*ended, Excursion("silent", self.last, None, self.value)]

    def resume(self, at: int) -> None:
        """The silence up to this second is explained: what comes is counted from here."""
        self.last, self.stretch = at, None

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {"last": self.last, "value": self.value, "stretch": asdict(self.stretch) if self.stretch else None}

    @classmethod
    def of(cls, limits: Limits, state: Mapping[str, Any] | None) -> "Watch":
        """The watch that `state` told of; a new one where there is none."""
        if not state:
            return cls(limits)
        stretch = state["stretch"]
        return cls(limits, state["last"], state["value"], _Stretch(**stretch) if stretch else None)


def excursions(limits: Limits, readings: Iterable[tuple[int, int]]) -> list[Excursion]:
    """All excursions of a trace, the last one perhaps going on."""
    watch = Watch(limits)
    return [*watch.read(readings), *watch.going_on()]


def told_already(new: Excursion, known: Iterable[Excursion]) -> bool:
    """Whether an excursion found in late readings says nothing that is not known: one of its kind covers it."""
    until = new.ended if new.ended is not None else new.started
    return any(
        old.kind == new.kind
        and old.peak >= new.peak
        and old.started <= new.started
        and (old.ended is None or old.ended >= until)
        for old in known
    )


# --- why not ----------------------------------------------------------------------------------


def limit_refusals(limits: Limits) -> tuple[Refusal, ...]:
    """Why limits contradict each other: each must be at least as warm as the one before."""
    if limits.warn_above <= limits.critical_above <= limits.reject_above:
        return ()
    sentence = (
        "Warning {warn} °C, critical {critical} °C, reject {reject} °C: each must be at least as warm as the last."
    )
    return (
        refuse(
            Code.OUTSIDE_LIMITS,
            sentence,
            warn=limits.warn_above,
            critical=limits.critical_above,
            reject=limits.reject_above,
        ),
    )


def laxer_refusals(
    given: Mapping[str, Decimal | int], usual: Mapping[str, Decimal | int], specification: str
) -> tuple[Refusal, ...]:
    """Why a probe does not begin with these limits, by what people call them: each is at most as lax as that of a
    specification in force, which two people put there. Twin: a_probe_begins_as_its_product_asks."""
    sentence = (
        "{limit}: {given} is more than the {usual} of {specification}. Add the probe without it, then ask for other "
        "limits: a second person approves them."
    )
    return tuple(
        refuse(
            Code.SECOND_PERSON_NEEDED,
            sentence,
            limit=name,
            given=value,
            usual=usual[name],
            specification=specification,
        )
        for name, value in given.items()
        if value > usual[name]
    )


def asking_refusals(probe: str, *, waits: bool) -> tuple[Refusal, ...]:
    """Why no other limits are asked for: some wait already, and whoever approves knows what they approve."""
    if not waits:
        return ()
    sentence = "Other limits of probe {probe} wait already. They are approved or declined first."
    return (refuse(Code.ALREADY_EXISTS, sentence, probe=probe),)


def approval_refusals(probe: str, *, waits: bool) -> tuple[Refusal, ...]:
    """Why no other limits are approved or declined: nobody has asked for any. Twin: limits_are_changed_by_two."""
    if waits:
        return ()
    return (refuse(Code.NOT_FOUND, "Nobody has asked for other limits of probe {probe}.", probe=probe),)


@dataclass(frozen=True)
class StoodThrough:
    """A vial that stood through an excursion; `state` as the record has it: OPEN until it is decided."""

    vial: str
    excursion: str
    kind: str
    state: str


def exposure_refusals(dose: str, exposures: Iterable[StoodThrough]) -> tuple[Refusal, ...]:
    """Why a dose is not given: one of its vials stood in a grave excursion that nobody has decided, or that was decided
    against the vials."""
    found = []
    for one in exposures:
        if one.state == ExcursionState.REJECTED:
            sentence = (
                "Vial {vial} of dose {dose} stood in excursion {excursion}, whose vials were rejected. Discard the "
                "dose."
            )
        elif one.state == ExcursionState.OPEN and one.kind in GRAVE:
            sentence = (
                "Vial {vial} of dose {dose} stood in excursion {excursion} ({kind}), which is not decided. Do not give "
                "the dose; a quality officer decides the excursion."
            )
        else:
            continue
        facts = {"vial": one.vial, "dose": dose, "excursion": one.excursion, "kind": one.kind}
        found.append(refuse(Code.EXCURSION_OPEN, sentence, **facts))
    return tuple(found)


def lift_after_excursion_refusals(hold: str, excursion: str, state: str) -> tuple[Refusal, ...]:
    """Why the hold that an excursion placed stays: it is not decided, or decided against the vials. Twin in the
    database: no_lifting_before_the_decision."""
    if state == ExcursionState.ACCEPTED:
        return ()
    sentence = "Excursion {excursion} is not decided: hold {hold} stays. Decide the excursion first."
    if state == ExcursionState.REJECTED:
        sentence = "Excursion {excursion} was decided against the vials: hold {hold} stays. Reject or recall the lot."
    return (refuse(Code.EXCURSION_OPEN, sentence, excursion=excursion, hold=hold),)


def decision_refusals(excursion: str, *, goes_on: bool) -> tuple[Refusal, ...]:
    """Why an excursion cannot be decided yet: its end is not known."""
    if not goes_on:
        return ()
    sentence = (
        "Excursion {excursion} goes on: decide it when the temperature is back, or end the silence with its reason."
    )
    return (refuse(Code.WRONG_STATE, sentence, excursion=excursion),)
