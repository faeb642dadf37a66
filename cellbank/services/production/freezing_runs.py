"""Runs of controlled-rate freezers: the freezer's file imported, compared with the band of its program, linked to the
lot. A run outside its band opens its deviation in the same act."""

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import func, select

from cellbank.domain.freezer_file import RunFile, read_run_file
from cellbank.domain.freezing_band import FreezingBand
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ConditionalState, RunState
from cellbank.domain.logger_file import Lines, Mapping, Said
from cellbank.domain.question import Choice, Question
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.deviation import Classification
from cellbank.domain.rules.freezing_run import (
    Comparison,
    Departure,
    RunFacts,
    compare,
    in_words,
    run_refusals,
    unit_refusal,
    withdrawal_refusals,
)
from cellbank.domain.rules.plausible import RunTimes, impossible_run, improbable_run
from cellbank.domain.sheets.faults import FileAsks, FileProblem
from cellbank.domain.sheets.wall_clock import with_offset
from cellbank.domain.specification import Specification
from cellbank.domain.wall import on_the_wall
from cellbank.records.conditional import ConditionalRelease
from cellbank.records.deviations import Deviation
from cellbank.records.production import Lot, Vial
from cellbank.records.storage import Placement
from cellbank.records.temperature import FreezerReading, FreezerRun
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import asked_about, new_code, specification_of, time_refusals
from cellbank.services.inputs import FreezerRunCode, Identifier, Improbable, LotCode, OneLine, Reason
from cellbank.services.stopping.deviation_opening import open_with_links
from cellbank.services.temperature.logger_files import opened
from cellbank.services.temperature.reading_store import moment
from cellbank.services.temperature.run_facts import readings_digest
from cellbank.services.temperature.sent_files import (
    RARELY,
    DateColumn,
    DateOrder,
    FileName,
    FileStart,
    FileTimes,
    FileUnit,
    FileZone,
    SentFile,
    SkipUnreadable,
    TimeColumn,
    ToldZone,
    from_the_start,
    learn,
    said,
    sent_file,
)

SHEET = "freezing_run"
CLASSIFICATION: Classification = "major"  # until a quality officer classifies it otherwise


class ImportFreezingRun(ActInput):
    """Import a freezing run."""

    lot: LotCode = Field(title="Lot")
    sha256: SentFile
    file: FileName
    freezer: OneLine = Field(
        title="Freezer, maker and model",
        description="What is answered about the files of a freezer is kept for the next one.",
    )
    freezer_serial: Identifier | None = Field(default=None, title="Serial number of the freezer")
    started_at: FileStart = None
    zone: FileZone = None
    told_zone: ToldZone = None
    time_column: TimeColumn = None
    date_column: DateColumn = None
    product_column: OneLine | None = Field(
        default=None, title="Column of the product's probe", json_schema_extra=RARELY
    )
    chamber_column: OneLine | None = Field(default=None, title="Column of the chamber", json_schema_extra=RARELY)
    unit: FileUnit = None
    date_order: DateOrder = None
    times: FileTimes = None
    skip_unreadable: SkipUnreadable = False
    improbable_because: Improbable = None

    def mapping(self) -> Mapping:
        """The titles that somebody named."""
        return Mapping(
            time=self.time_column or "",
            date=self.date_column or "",
            value=self.product_column or "",
            chamber=self.chamber_column or "",
            unit=self.unit or "",
            date_order=self.date_order or "",
            clock=self.zone or "",
            told_zone=self.told_zone or "",
            times=self.times or "",
        )


@dataclass(frozen=True)
class _Run:
    """A file that was read, beside the band."""

    file: RunFile
    comparison: Comparison | None

    @property
    def state(self) -> str:
        return RunState.WITHIN if self.comparison is not None and self.comparison.is_within else RunState.OUTSIDE


@act(ImportFreezingRun)
def import_freezing_run(work: Work, given: ImportFreezingRun) -> FreezerRun:
    """Read the freezer's file, all of it or nothing, compare it with the band of the program, and keep it as the run of
    the lot. Outside its band it opens a major deviation, which stops the release until it is closed.

    Refuses a lot that has its run, a program without a band, a run of another time than the recorded freezing, and one
    whose unit nobody told. Malformed: every row that is no reading, by its number; what the file does not tell is
    asked, once for each freezer.
    """
    lot = work.lock(Lot, given.lot)
    if lot.frozen_at is None:
        work.judge(lot)
        raise AssertionError("a lot that was never frozen is refused by its state")
    specification = specification_of(work.session, lot.specification_id)
    band = specification.freezing.band(lot.freezing_program)
    known = said(work, given, SHEET, _source(work, given))
    with sent_file(work, given.sha256) as path:
        file = _read(work, lot, known, path, band)
    run = _Run(file, compare(band, file.product) if band else None)
    facts = RunFacts(lot.code, lot.freezing_program or "–", lot.frozen_at, band, run.comparison, _live(work, lot))
    times = _times(work, lot, file, run.comparison)
    refusals = (
        *(run_refusals(facts) or impossible_run(times)),
        *asked_about(work, improbable_run(times), given.improbable_because),
        *_of_another_freezer(given, file.serial),
        *time_refusals(work, "The last reading of the run", moment(file.product[-1][0])),
    )
    work.show(**_seen(run))
    work.warn(_left_the_band(lot, run))
    moved = (Deviation,) if run.state == RunState.OUTSIDE else ()
    work.judge(lot, FreezerRun, *moved, refusals=refusals, to=run.state)
    learn(work, SHEET, _source(work, given), known, file.mapping)
    return _keep(work, given, lot, run, specification)


def _times(work: Work, lot: Lot, file: RunFile, compared: Comparison | None) -> RunTimes:
    """The freezer may have written before the run began and cooled down empty: it begins where it was compared."""
    put_away = select(func.min(Placement.placed_at)).join(Vial, Vial.id == Placement.vial_id)
    first = compared.began if compared and compared.began is not None else file.product[0][0]
    began, ended = moment(first), moment(file.product[-1][0])
    return RunTimes(
        lot.code, began, ended, lot.fill_started_at, work.session.scalar(put_away.where(Vial.lot_id == lot.id))
    )


def _source(work: Work, given: ImportFreezingRun) -> str:
    """The freezer, as its answers are kept: at its site, by model and serial number."""
    return " · ".join((work.actor.site_code, given.freezer, given.freezer_serial or "–")).casefold()


def _read(work: Work, lot: Lot, known: Said, path: Path, band: FreezingBand | None) -> RunFile:
    """The file as readings, with what was said of it or learned from the last one of the freezer. Refuses one whose
    unit nobody told; asks for the start with the one that was recorded."""
    with opened(path) as file:
        lines = from_the_start(file)
        try:
            return read_run_file(lines, known)
        except FileAsks as asked:
            if asked.question.field == "unit" and len(asked.question.choices) > 1:
                found = _in_each_unit(lines, known, band, asked.question.choices)
                work.judge(lot, refusals=[unit_refusal(Question("unit", found, asked.question.found))])
            if asked.question.field == "started_at":
                raise FileAsks(_or_as_recorded(work, lot, asked.question), *asked.problems) from None
            raise


def _in_each_unit(lines: Lines, known: Said, band: FreezingBand | None, units: Sequence[Choice]) -> tuple[Choice, ...]:
    """What the file would show in each of these units in which it can be read at all."""
    choices = []
    for unit in units:
        with contextlib.suppress(FileProblem):
            file = read_run_file(lines, replace(known, wanted=replace(known.wanted, unit=unit.value)))
            found = compare(band, file.product) if band else None
            choices.append(Choice(unit.value, f"{unit.title}: {_in_short(found)}"))
    return tuple(choices)


def _in_short(found: Comparison | None) -> str:
    if found is None or found.began is None:
        return "no freezing run"
    return in_words(len(found.departures), found.seconds, Decimal(found.worst) / 100)


def _or_as_recorded(work: Work, lot: Lot, question: Question) -> Question:
    """The question for the start, with the start of the freezing that was recorded for the lot as its answer."""
    assert lot.frozen_at is not None
    at = with_offset(lot.frozen_at.astimezone(ZoneInfo(work.actor.zone)))
    recorded = Choice(at.isoformat(), f"{on_the_wall(at)}, as the freezing of {lot.code} was recorded")
    return replace(question, choices=(recorded,))


def _live(work: Work, lot: Lot) -> str | None:
    """The code of the run that the lot has."""
    of_lot = select(FreezerRun.code).where(FreezerRun.lot_id == lot.id, FreezerRun.state != RunState.WITHDRAWN)
    return work.session.scalar(of_lot)


def _of_another_freezer(given: ImportFreezingRun, serial: str) -> list[Refusal]:
    own = given.freezer_serial
    if not own or not serial or own.casefold() == serial.casefold():
        return []
    sentence = "The file is of the freezer with the serial number {serial}, not {own}. Choose the right file."
    return [refuse(Code.PROBE_MISMATCH, sentence, serial=serial[:40], own=own)]


def _left_the_band(lot: Lot, run: _Run) -> list[Refusal]:
    """The warning of a run that is kept, though it was not as the program says."""
    if run.state != RunState.OUTSIDE:
        return []
    sentence = "The run of lot {lot} left the band of {program}: a deviation is opened, and the release waits for it."
    return [refuse(Code.OUTSIDE_LIMITS, sentence, lot=lot.code, program=lot.freezing_program)]


def _seen(run: _Run) -> dict[str, Any]:
    """What the answer says, of a check too."""
    file, found = run.file, run.comparison
    left_out = {"rows_left_out": file.left_out, "lines_left_out": list(file.left_out_rows)} if file.left_out else {}
    seen: dict[str, Any] = {
        "rows": file.rows, **left_out, "zone": file.zone,
        "from": moment(file.product[0][0]).isoformat(), "until": moment(file.product[-1][0]).isoformat(),
        "columns": ", ".join(f"{name}: {title}" for name, title in file.mapping.as_json().items()),
    }  # fmt: skip
    if found is None or found.began is None:
        return seen
    told = in_words(len(found.departures), found.seconds, Decimal(found.worst) / 100)
    return {**seen, "began": moment(found.began).isoformat(), "found": told, "departures": _told(found)}


def _told(found: Comparison) -> list[dict[str, str]]:
    """The departures as they are stored and answered, the allowed nucleation among them."""
    every = sorted([*found.departures, *filter(None, [found.nucleation])], key=lambda one: one.since)
    return [_as_json(one) for one in every]


def _as_json(one: Departure) -> dict[str, str]:
    return {
        "kind": one.kind,
        "since": moment(one.since).isoformat(),
        "until": moment(one.until).isoformat(),
        "minutes": f"{one.seconds / 60:.1f}",
        "worst_c": f"{Decimal(one.worst) / 100:.2f}",
        "degree_minutes": f"{Decimal(one.area) / 6000:.1f}",
    }


def _keep(work: Work, given: ImportFreezingRun, lot: Lot, run: _Run, specification: Specification) -> FreezerRun:
    """Write the run with its readings, and the deviation where it left its band."""
    file, found = run.file, run.comparison
    assert found is not None and found.began is not None  # or it was refused
    made = work.add(
        FreezerRun(
            code=new_code(work, Kind.FREEZER_RUN),
            lot_id=lot.id,
            program=lot.freezing_program,
            freezer=given.freezer,
            freezer_serial=given.freezer_serial or file.serial or None,
            file_name=given.file,
            sha256=given.sha256,
            mapping=file.mapping.as_json(),
            row_count=file.rows,
            left_out=file.left_out,
            first_at=moment(file.product[0][0]),
            began_at=moment(found.began),
            last_at=moment(file.product[-1][0]),
            departures=_told(found),
            first_departure_at=moment(found.departures[0].since) if found.departures else None,
            outside_seconds=found.seconds,
            longest_seconds=found.longest,
            worst_c=Decimal(found.worst) / 100,
            degree_seconds=Decimal(found.area) / 100,
            digest=readings_digest(_rows(file)),
            imported_by_id=work.actor.id,
        ),
        to=run.state,
    )
    rows = [
        {"run_id": made.id, "channel": channel, "at": moment(at), "celsius": Decimal(value) / 100}
        for channel, at, value in _rows(file)
    ]
    work.note_many(FreezerReading, rows)
    if found.departures:
        made.deviation_id = _open_deviation(work, lot, made, found, specification).id
    return made


def _rows(file: RunFile) -> Iterator[tuple[str, int, int]]:
    """Every reading as (channel, second, hundredths), as the digest counts them."""
    for channel, readings in (("chamber", file.chamber), ("product", file.product)):
        yield from ((channel, at, value) for at, value in readings)


def _open_deviation(
    work: Work, lot: Lot, run: FreezerRun, found: Comparison, specification: Specification
) -> Deviation:
    first = run.first_departure_at or work.now
    into = (first - run.began_at) / datetime.timedelta(minutes=1)
    told = in_words(len(found.departures), found.seconds, run.worst_c)
    deviation = open_with_links(
        work,
        title=f"Freezing run of lot {lot.code} outside the band of {run.program}",
        description=f"Run {run.code}: {told}; first {into:.0f} min after its start. The band is that of specification "
        f"{specification.id}@{specification.version}.",
        classification=CLASSIFICATION,
        occurred_at=first,
        records=[run],
    )
    work.show(deviation=deviation.code)
    return deviation


class WithdrawFreezingRun(ActInput):
    """Withdraw a freezing run."""

    run: FreezerRunCode = Field(title="Freezing run")
    reason: Reason


@act(WithdrawFreezingRun, likely="rarely")
def withdraw_freezing_run(work: Work, given: WithdrawFreezingRun) -> FreezerRun:
    """Take back a file that was the wrong one; it stays in sight, and the lot waits for the right one. A deviation that
    it opened stays open. Refuses when the lot was released with it."""
    lot = work.lock_id(Lot, work.find(FreezerRun, given.run).lot_id)
    run = work.lock(FreezerRun, given.run)
    states = (lot.state, lot.state_before_hold)
    work.judge(run, refusals=withdrawal_refusals(run.code, lot.code, states, _conditional(work, lot)))
    run.withdrawn_by_id, run.withdrawal_reason = work.actor.id, given.reason
    work.transition(run)
    return run


def _conditional(work: Work, lot: Lot) -> str | None:
    """The code of a conditional release of the lot that has not ended."""
    live = select(ConditionalRelease.code).where(
        ConditionalRelease.lot_id == lot.id, ConditionalRelease.state != ConditionalState.ENDED
    )
    return work.session.scalar(live.limit(1))
