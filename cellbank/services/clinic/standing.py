"""How a dose stands: all that its rules ask about the subject, the lot, the plan and the weight, in one statement.

One statement, because it is read at the bedside while two people wait, and facts read together belong together.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, column, text
from sqlalchemy.orm import Session

from cellbank.domain.dose import dmso_g_per_kg, dmso_ml
from cellbank.domain.lifecycle.states import WeightState
from cellbank.domain.protocol import Protocol, load_protocol
from cellbank.domain.rules.dosing import WeightFacts, weight_for_limits
from cellbank.domain.rules.plan import OtherDose, PlanFacts
from cellbank.domain.rules.standing import LotFacts, SubjectFacts
from cellbank.domain.specification import Specification, load_specification
from cellbank.records.clinic import Dose
from cellbank.records.work import Work

# Live doses of a subject but one, and the newest weight in each state, as JSON with numbers as text: never a float.
_OTHERS = """(SELECT coalesce(json_agg(json_build_array(x.code, x.infusion_number, x.state, x.infusion_started_at,
    x.infusion_stopped_at, x.lot_id, x.planned_on, (y.volume_ml * y.dmso_percent * coalesce(nullif((SELECT count(*)
      FROM vial v WHERE v.dose_id = x.id AND v.state IN ('THAWED', 'POOLED', 'INFUSED')), 0), x.vials_needed))::text)
    ORDER BY x.infusion_number), '[]') FROM dose x JOIN lot y ON y.id = x.lot_id
    WHERE x.subject_id = s.id AND x.state NOT IN ('CANCELLED', 'DISCARDED') AND x.id IS DISTINCT FROM {this})"""
_WEIGHTS = """(SELECT coalesce(json_agg(json_build_array(y.state, y.id, y.weight_kg::text, y.measured_at)), '[]') FROM
    (SELECT DISTINCT ON (state) state, id, weight_kg, measured_at FROM weight w WHERE w.subject_id = s.id
      ORDER BY state, measured_at DESC, id DESC) y)"""
# What the vials in the dose stood through, but for what was accepted.
STOOD_THROUGH = """FROM vial v CROSS JOIN LATERAL stood_through(NULL, v.id) t JOIN excursion e ON e.id = t.excursion_id
    WHERE e.state <> 'ACCEPTED'"""
_EXPOSED = f"""(SELECT coalesce(json_agg(json_build_array(v.code, e.code, e.category, e.state)), '[]') {STOOD_THROUGH}
    AND v.dose_id = d.id AND v.state = 'POOLED')"""
_CONCERNS = """(SELECT coalesce(json_agg(c.said ORDER BY c.since, c.kind, c.id), '[]')
    FROM undecided_concerns(s.id) c {which})"""
_UNDECIDED = _CONCERNS.format(which="")
# Of a dose that runs: what happens with it is for those at the bed to judge; what is told of others stops it.
_UNDECIDED_OF_OTHERS = _CONCERNS.format(
    which="""WHERE NOT EXISTS (SELECT FROM reaction r WHERE c.kind = 'reaction' AND r.id = c.id AND r.dose_id = d.id)
     AND NOT EXISTS (SELECT FROM deviation_link k WHERE c.kind = 'deviation' AND k.deviation_id = c.id
                        AND k.record_kind = 'dose' AND k.record_id = d.id)"""
)
# Of any dose of the subject: what a form tells as given may stand for a dose that was given up, and this one for it.
# What was given without an order has its form to come.
_ON_PAPER = """(SELECT g.code FROM dose g LEFT JOIN dose_paper f ON f.dose_id = g.id AND f.state = 'ENTERED'
    WHERE g.subject_id = s.id AND (f.id IS NOT NULL OR g.state = 'UNORDERED') ORDER BY f.id, g.id LIMIT 1)"""
_HELD = "EXISTS (SELECT lot_holds(l.id))"
_CONSENT = "EXISTS (SELECT FROM consent c WHERE c.donor_id = o.id AND c.state = 'GIVEN')"
_CONDITIONAL = """EXISTS (SELECT FROM conditional_release r WHERE r.lot_id = l.id AND r.subject_id = {subject}
    AND r.state = 'IN_FORCE')"""

_SUBJECT = text(
    f"""SELECT p.id AS protocol_id, p.digest, site.timezone, site.fin, {_OTHERS.format(this="NULL")} AS others,
               {_WEIGHTS} AS weights, {_UNDECIDED} AS undecided, {_ON_PAPER} AS given_on_paper
          FROM subject s JOIN definition p ON p.id = s.protocol_id JOIN site ON site.id = s.site_id
         WHERE s.id = :subject"""
)

_DOSE_COLUMNS = (
    "id", "site_id", "code", "state", "infusion_number", "day", "planned_on", "ordered_at", "required_cells",
    "calculation", "deviation_reason", "thaw_started_at", "expires_at", "pooled_ml", "total_cells_per_ml",
    "viability_percent", "counted_at", "draw_ml", "delivered_cells", "delivered_percent", "is_short",
    "short_dose_reason",
    "prepared_at", "prepared_by_id", "first_checked_by_id", "first_checked_at", "final_volume_ml",
    "infusion_started_at",
)  # fmt: skip
_BESIDE = (
    "subject", "subject_state", "arm", "receives_product", "trial_number", "second_identifier", "born_on", "used_kg",
    "lot", "lot_state", "lot_expires_on", "dmso_percent", "volume_ml", "cells_per_vial", "donor", "donor_state",
    "is_held", "consented", "conditional", "protocol_id", "digest", "timezone", "fin", "others", "weights",
    "exposures", "given_on_paper", "undecided",
)  # fmt: skip
# The columns are named, so that SQLAlchemy works out once, and not at every scan, how a row is read.
_DOSE = text(
    f"""SELECT {", ".join(map("d.{}".format, _DOSE_COLUMNS))},
               s.code AS subject, s.state AS subject_state, s.arm, s.receives_product, s.trial_number,
               s.second_identifier, s.born_on, used.weight_kg AS used_kg,
               l.code AS lot, l.state AS lot_state, l.expires_on AS lot_expires_on, l.dmso_percent, l.volume_ml,
               l.cells_per_vial, o.code AS donor, o.state AS donor_state, {_HELD} AS is_held, {_CONSENT} AS consented,
               {_CONDITIONAL.format(subject="s.id")} AS conditional,
               p.id AS protocol_id, p.digest, site.timezone, site.fin, {_OTHERS.format(this="d.id")} AS others,
               {_WEIGHTS} AS weights, {_EXPOSED} AS exposures, {_ON_PAPER} AS given_on_paper,
               CASE d.state WHEN 'INFUSING' THEN {_UNDECIDED_OF_OTHERS} ELSE {_UNDECIDED} END AS undecided
          FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id
          JOIN donation n ON n.id = l.donation_id JOIN donor o ON o.id = n.donor_id
          JOIN definition p ON p.id = s.protocol_id JOIN site ON site.id = s.site_id
          LEFT JOIN weight used ON used.id = d.weight_id
         WHERE d.code = :code"""
).columns(*(column(name) for name in (*_DOSE_COLUMNS, *_BESIDE)))

_LOT = text(
    f"""SELECT l.code AS lot, l.state AS lot_state, l.expires_on AS lot_expires_on, o.code AS donor,
               o.state AS donor_state, {_HELD} AS is_held, {_CONSENT} AS consented,
               {_CONDITIONAL.format(subject=":subject")} AS conditional
          FROM lot l JOIN donation n ON n.id = l.donation_id JOIN donor o ON o.id = n.donor_id WHERE l.id = :lot"""
)

_CONTENT = text("SELECT content FROM definition WHERE id = :id")
_PROTOCOLS: dict[str, Protocol] = {}
_SPECIFICATIONS: dict[str, Specification] = {}


def protocol_by_digest(session: Session, definition_id: int, digest: str) -> Protocol:
    """The protocol of this digest; its text is fetched and read once in a process, for a version never changes."""
    if digest not in _PROTOCOLS:
        _PROTOCOLS[digest] = load_protocol(session.execute(_CONTENT, {"id": definition_id}).scalar_one(), stands=True)
    return _PROTOCOLS[digest]


def specification_by_digest(session: Session, definition_id: int, digest: str) -> Specification:
    """The specification of this digest; as protocol_by_digest."""
    if digest not in _SPECIFICATIONS:
        content = session.execute(_CONTENT, {"id": definition_id}).scalar_one()
        _SPECIFICATIONS[digest] = load_specification(content, stands=True)
    return _SPECIFICATIONS[digest]


@dataclass(frozen=True)
class Weighing:
    """One measured weight."""

    id: int
    weight_kg: Decimal
    measured_at: datetime.datetime


@dataclass(frozen=True)
class Ward:
    """A subject's protocol, calendar, live doses and weights. `lots` are those of the doses, in the same order."""

    protocol: Protocol
    zone: ZoneInfo
    fin: str
    others: tuple[OtherDose, ...]
    lots: tuple[int, ...]
    weights: Mapping[str, Weighing]
    undecided: tuple[str, ...]
    given_on_paper: str | None

    def day(self, at: datetime.datetime) -> datetime.date:
        """The date on the ward's calendar."""
        return at.astimezone(self.zone).date()

    def start_of(self, day: datetime.date) -> datetime.datetime:
        """The instant (UTC) at which a day of the ward begins."""
        return datetime.datetime.combine(day, datetime.time.min, tzinfo=self.zone).astimezone(datetime.UTC)

    @property
    def weight(self) -> Weighing | None:
        """The newest weight that may decide a dose: confirmed by a second person where the protocol asks for one."""
        confirmed, measured = self.weights.get(WeightState.CONFIRMED), self.weights.get(WeightState.MEASURED)
        if self.protocol.dosing.weight.second_person:
            return confirmed
        usable = [one for one in (confirmed, measured) if one]
        return max(usable, key=lambda one: (one.measured_at, one.id), default=None)

    @property
    def pending_kg(self) -> Decimal | None:
        """A weight newer than the usable one that nobody has confirmed yet."""
        weight, measured = self.weight, self.weights.get(WeightState.MEASURED)
        newer = measured and weight and measured.measured_at > weight.measured_at
        return measured.weight_kg if newer and measured else None

    def subject_facts(self, code: str, state: str, arm: str, receives_product: bool) -> SubjectFacts:
        """What is asked of the subject before any step of a dose."""
        return SubjectFacts(code, state, arm, receives_product, self.undecided, self.given_on_paper)

    def weight_facts(self, subject: str, at: datetime.datetime, used_kg: Decimal | None = None) -> WeightFacts:
        """What the weight rules ask, for the instant at which the weight must be fresh."""
        rule, weight = self.protocol.dosing, self.weight
        return WeightFacts(
            subject=subject,
            rules=rule.weight,
            needed=rule.needs_weight,
            weight_kg=weight.weight_kg if weight else None,
            measured_at=weight.measured_at if weight else None,
            pending_kg=self.pending_kg,
            used_kg=used_kg,
            at=at,
        )


@dataclass(frozen=True)
class DoseStanding:
    """A dose with all that its rules ask. `row` has the columns of the dose and the names beside them."""

    row: Row[Any]
    ward: Ward
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    weight: WeightFacts


def ward_of(session: Session, subject_id: int) -> Ward:
    """What a subject's dose is calculated from and planned around."""
    return _ward(session, session.execute(_SUBJECT, {"subject": subject_id}).one())


def dose_standing(session: Session, code: str, now: datetime.datetime) -> DoseStanding | None:
    """How the dose stands at this instant; None when there is no such dose."""
    row = session.execute(_DOSE, {"code": code}).one_or_none()
    if row is None:
        return None
    ward = _ward(session, row)
    today = ward.day(now)
    return DoseStanding(
        row=row,
        ward=ward,
        subject=ward.subject_facts(row.subject, row.subject_state, row.arm, row.receives_product),
        lot=_lot(row, today),
        plan=PlanFacts(
            protocol=ward.protocol,
            number=row.infusion_number,
            on=today,
            latest_at=now,
            others=ward.others,
            deviation_on=row.planned_on if row.deviation_reason else None,
            planned_on=row.planned_on,
        ),
        weight=ward.weight_facts(row.subject, now, row.used_kg),
    )


def standing_of(work: Work, dose: Dose) -> DoseStanding:
    """How a dose that the work has locked stands now."""
    standing = dose_standing(work.session, dose.code, work.happened)
    assert standing is not None
    return standing


def dmso_of_the_day(standing: DoseStanding, plan: PlanFacts, vials: int) -> Decimal:
    """DMSO in g/kg that the subject is given on the day of the plan, with so many vials of this dose."""
    row = standing.row
    own_ml = dmso_ml(row.volume_ml * vials, row.dmso_percent)
    return dmso_g_per_kg(own_ml + plan.dmso_ml_that_day, weight_for_limits(plan.protocol, row.used_kg))


def lot_standing(session: Session, lot_id: int, subject_id: int, used_on: datetime.date) -> LotFacts:
    """How a lot stands for cells given to this subject on this date."""
    return _lot(session.execute(_LOT, {"lot": lot_id, "subject": subject_id}).one(), used_on)


def _lot(row: Row[Any], used_on: datetime.date) -> LotFacts:
    return LotFacts(
        code=row.lot,
        state=row.lot_state,
        expires_on=row.lot_expires_on,
        donor=row.donor,
        donor_state=row.donor_state,
        consent_in_force=row.consented,
        is_held=row.is_held,
        used_on=used_on,
        conditional=row.conditional,
    )


def _ward(session: Session, row: Row[Any]) -> Ward:
    zone = ZoneInfo(row.timezone)
    return Ward(
        protocol=protocol_by_digest(session, row.protocol_id, row.digest),
        zone=zone,
        fin=row.fin,
        others=tuple(_other(item, zone) for item in row.others),
        lots=tuple(item[5] for item in row.others),
        weights={item[0]: Weighing(item[1], Decimal(item[2]), _instant(item[3])) for item in row.weights},
        undecided=tuple(row.undecided),
        given_on_paper=row.given_on_paper,
    )


def _other(item: Sequence[Any], zone: ZoneInfo) -> OtherDose:
    code, number, state, started, ended, _, planned, dmso = item
    started_on = _instant(started).astimezone(zone).date() if started else None
    return OtherDose(
        code,
        number,
        state,
        started_on,
        _instant(ended) if ended else None,
        datetime.date.fromisoformat(planned),
        Fraction(dmso) / 100,
    )


def _instant(given: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(given).astimezone(datetime.UTC)
