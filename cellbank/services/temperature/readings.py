"""Readings by file, by gateway and by hand. What they show is found in the same act: an excursion is a record, and a
critical one stops the lots that stood there."""

import itertools
from array import array
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ReadingState
from cellbank.domain.logger_file import FileProblem, LoggerFile, Mapping, Said, pack, read_logger_file
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.reading_time import LEAVE_OUT
from cellbank.domain.rules.temperature import hundredths
from cellbank.records.temperature import Probe, ReadingImport
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, TellingInput, act
from cellbank.services.common import new_code, time_refusals
from cellbank.services.inputs import Moment, OneLine, TemperatureC, scanned
from cellbank.services.site_time import on_site
from cellbank.services.temperature.excursion_record import keep_excursions, lock_lots_to_stop, stop_lots
from cellbank.services.temperature.logger_files import opened, progress_writer
from cellbank.services.temperature.probes import ProbeCode
from cellbank.services.temperature.reading_store import Taken, Tell, copy_readings, look_at, moment, second
from cellbank.services.temperature.reading_times import asked_times, improbable_times, of_a_probable_time
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

MOST_AT_ONCE = 10_000  # rows of a gateway's batch
SHARE_OF_READING = 0.5  # of the time that an import takes; the rest is writing
SHEET = "readings"
ReadingsCode = Annotated[str, *scanned(Kind.READINGS)]
ImprobableTimes = Annotated[
    Literal["keep", "leave_out"] | None, Field(title="Readings of an improbable time", json_schema_extra=RARELY)
]


# --- by file ----------------------------------------------------------------------------------


class ImportReadings(ActInput):
    """Import a logger's file."""

    probe: ProbeCode = Field(title="Probe")
    sha256: SentFile
    file: FileName
    zone: FileZone = None
    told_zone: ToldZone = None
    time_column: TimeColumn = None
    date_column: DateColumn = None
    value_column: OneLine | None = Field(default=None, title="Column of the temperature", json_schema_extra=RARELY)
    serial_column: OneLine | None = Field(default=None, title="Column of the serial number", json_schema_extra=RARELY)
    unit: FileUnit = None
    date_order: DateOrder = None
    times: FileTimes = None
    started_at: FileStart = None
    skip_unreadable: SkipUnreadable = False
    improbable_times: ImprobableTimes = None

    def mapping(self) -> Mapping:
        """The titles that somebody named."""
        return Mapping(
            time=self.time_column or "",
            date=self.date_column or "",
            value=self.value_column or "",
            serial=self.serial_column or "",
            unit=self.unit or "",
            date_order=self.date_order or "",
            clock=self.zone or "",
            told_zone=self.told_zone or "",
            times=self.times or "",
        )


@act(ImportReadings)
def import_readings(work: Work, given: ImportReadings) -> ReadingImport:
    """Read a logger's file, all of it or nothing, find its excursions and stop the lots that stood in a critical one.

    Refuses a file of which this column was imported for this probe, one of another logger, times in the future or of a
    clock that was reset, and other values for times that are stored. Malformed: every row that is no reading, by its
    number; what the file does not tell is asked, once for each probe.
    """
    with sent_file(work, given.sha256) as path:
        return _import(work, given, path)


def _import(work: Work, given: ImportReadings, path: Path) -> ReadingImport:
    known = said(work, given, SHEET, given.probe)
    file = _read(known, path)
    probe = work.lock(Probe, given.probe)
    if given.improbable_times == LEAVE_OUT:
        _leave_out(work, probe, file)
    refusals = [
        *_imported(work, probe, given.sha256, file.mapping.value),
        *_of_another_probe(probe, file.serial),
        *asked_times(work, probe, file.readings, given.improbable_times),
    ]
    taken = look_at(work, probe, file.readings, refusals)
    lots = lock_lots_to_stop(work, probe, taken.found)
    work.show(**_noticed(file, taken), lots_to_stop=[lot.code for lot in lots])
    work.warn(_too_warm(probe, taken))
    work.judge(probe, ReadingImport, refusals=refusals)
    learn(work, SHEET, given.probe, known, file.mapping)
    columns = {
        "source": "file", "file_name": given.file, "sha256": given.sha256, "mapping": file.mapping.as_json(),
        "row_count": file.rows, "duplicates": file.duplicates, "out_of_order": file.out_of_order,
        "left_out": file.left_out, "first_at": moment(file.readings[0] >> 16),
        "last_at": moment(file.readings[-1] >> 16),
    }  # fmt: skip
    tell = progress_writer(path, 1 - SHARE_OF_READING, SHARE_OF_READING)
    made = _store(work, probe, taken, columns, tell)
    stop_lots(work, lots, made[1])
    return made[0]


def _read(known: Said, path: Path) -> LoggerFile:
    """The file as readings, with what was said of it or learned from the last one of the probe."""
    tell = progress_writer(path, SHARE_OF_READING)
    with opened(path) as lines:
        start = lines.read(1 << 16)
        expected = max(1.0, path.stat().st_size / max(1, len(start)) * start.count("\n"))
        return read_logger_file(from_the_start(lines), known, tell=lambda rows: tell(rows / expected))


def _leave_out(work: Work, probe: Probe, file: LoggerFile) -> None:
    """Drop the readings of an improbable time; they count as rows that were left out."""
    kept = of_a_probable_time(work, probe, file.readings)
    file.left_out += len(file.readings) - len(kept)
    if not kept:
        raise FileProblem("No reading of the file is of a probable time.")
    file.readings = kept


def _imported(work: Work, probe: Probe, sha256: str, column: str) -> list[Refusal]:
    """Why not: this column of this very file stands already in this probe's readings."""
    before = work.session.scalar(
        select(ReadingImport.code).where(
            ReadingImport.sha256 == sha256,
            ReadingImport.probe_id == probe.id,
            ReadingImport.mapping["value"].astext == column,
        )
    )
    if before is None:
        return []
    sentence = "This very file was imported before, as {code} of probe {probe}. Nothing is to be done."
    return [refuse(Code.ALREADY_EXISTS, sentence, code=before, probe=probe.code)]


def _of_another_probe(probe: Probe, serial: str) -> list[Refusal]:
    if not serial or not probe.serial or serial.casefold() == probe.serial.casefold():
        return []
    sentence = "The file is of the logger {serial}; probe {probe} has the serial number {own}. Choose the right probe."
    return [refuse(Code.PROBE_MISMATCH, sentence, serial=serial[:40], probe=probe.code, own=probe.serial)]


def _noticed(file: LoggerFile, taken: Taken) -> dict[str, Any]:
    """What the answer says, of a check too."""
    counts = {"rows": file.rows, "new_readings": taken.stored}
    unusual = {
        "repeated_rows": file.duplicates,
        "rows_out_of_order": file.out_of_order,
        "rows_left_out": file.left_out,
        "readings_known_before": taken.known,
    }
    seen = {"from": moment(file.readings[0] >> 16).isoformat(), "until": moment(file.readings[-1] >> 16).isoformat()}
    lines = {"lines_left_out": file.left_out_rows} if file.left_out_rows else {}
    return {
        **counts,
        **{name: count for name, count in unusual.items() if count},
        **lines,
        **seen,
        "zone": file.zone,
        "columns": ", ".join(f"{name}: {title}" for name, title in file.mapping.as_json().items()),
        "excursions_found": excursions_shown(taken),
    }


def _too_warm(probe: Probe, taken: Taken) -> list[Refusal]:
    """The warning of readings that are kept and were not as they should be."""
    if not taken.found:
        return []
    sentence = "Probe {probe}: these readings hold {count} excursions, each to be decided by a quality officer."
    return [refuse(Code.EXCURSION_OPEN, sentence, probe=probe.code, count=len(taken.found))]


def excursions_shown(taken: Taken) -> list[dict[str, str]]:
    """The excursions of an answer: what, from when to when, how warm."""
    return [
        {
            "kind": one.kind,
            "from": moment(one.started).isoformat(),
            "until": "goes on" if one.ended is None else moment(one.ended).isoformat(),
            "peak": f"{one.peak / 100:.2f} °C",
            "minutes": f"{one.seconds[0] / 60:.0f}",
        }
        for one in taken.found[:200]
    ]


# --- what all ways in share -------------------------------------------------------------------

_NEXT = text("SELECT nextval(pg_get_serial_sequence('reading_import', 'id'))")


def _store(
    work: Work, probe: Probe, taken: Taken, columns: dict[str, Any], tell: Tell
) -> tuple[ReadingImport, list[Any]]:
    """Write the new readings, their import, and the excursions; returns the import and the excursions."""
    number = int(work.session.execute(_NEXT).scalar_one())
    digest = copy_readings(work, probe.id, number, taken.keys(), taken.stored, tell)
    made = work.add(
        ReadingImport(
            id=number,
            code=new_code(work, Kind.READINGS),
            probe_id=probe.id,
            digest=digest,
            stored=taken.stored,
            known_before=taken.known,
            entered_by_id=work.actor.id,
            **columns,
        ),
        to=ReadingState.STORED,
    )
    return made, _watch_on(work, probe, taken)


def _watch_on(work: Work, probe: Probe, taken: Taken) -> list[Any]:
    """Carry the watch of the probe on, and keep what was found."""
    first = taken.later[0] >> 16 if taken.later else None
    if taken.later:
        probe.last_at, probe.watch = moment(taken.later[-1] >> 16), taken.watch.state()
    found = keep_excursions(work, probe, taken.found, first)
    work.show(excursions=[one.code for one in found])
    return found


# --- by gateway -------------------------------------------------------------------------------


class OneReading(ActInput):
    """One reading of a gateway's batch."""

    at: Moment = Field(title="Time")
    celsius: TemperatureC = Field(title="Temperature")


class RecordReadings(ActInput):
    """Record readings of a gateway."""

    probe: ProbeCode = Field(title="Probe")
    readings: list[OneReading] = Field(title="Readings", min_length=1, max_length=MOST_AT_ONCE)


@act(RecordReadings, likely="rarely")
def record_readings(work: Work, given: RecordReadings) -> ReadingImport | None:
    """Take a batch, in any order. What is stored already is counted and left alone, so that a gateway may send it
    again; refuses other values for times that are stored, and times in the future."""
    readings, refusals = _sorted(work, [(second(one.at), hundredths(one.celsius)) for one in given.readings])
    probe = work.lock(Probe, given.probe)
    refusals += improbable_times(work, probe, readings)
    taken = look_at(work, probe, readings, refusals)
    lots = lock_lots_to_stop(work, probe, taken.found)
    work.show(
        new_readings=taken.stored,
        readings_known_before=taken.known,
        excursions_found=excursions_shown(taken),
        lots_to_stop=[lot.code for lot in lots],
    )
    work.warn(_too_warm(probe, taken))
    work.judge(probe, ReadingImport, refusals=refusals)
    if not taken.stored:
        return None
    columns = {
        "source": "gateway", "row_count": len(given.readings), "duplicates": len(given.readings) - len(readings),
        "out_of_order": 0, "left_out": 0, "first_at": moment(readings[0] >> 16), "last_at": moment(readings[-1] >> 16),
    }  # fmt: skip
    made, found = _store(work, probe, taken, columns, lambda _: None)
    stop_lots(work, lots, found)
    return made


def _sorted(work: Work, pairs: Sequence[tuple[int, int]]) -> tuple["array[int]", list[Refusal]]:
    """Readings in their order, each once; refused when a time has two values."""
    readings = array("q", sorted({pack(at, value) for at, value in pairs}))
    twice = [
        on_site(work, moment(here >> 16), seconds=True)
        for before, here in itertools.pairwise(readings)
        if before >> 16 == here >> 16
    ]
    if not twice:
        return readings, []
    sentence = "Two values for one time: {times}. Send each time once."
    return readings, [refuse(Code.READINGS_DIFFER, sentence, times=", ".join(twice[:5]))]


# --- by hand ----------------------------------------------------------------------------------


class RecordReadingByHand(TellingInput):
    """Record a temperature read off by hand."""

    EARLIER_NAME = "read_at"
    probe: ProbeCode = Field(title="Probe")
    celsius: TemperatureC = Field(title="Temperature")


@act(RecordReadingByHand)
def record_reading_by_hand(work: Work, given: RecordReadingByHand) -> ReadingImport:
    """Note what a display shows when no logger does. It counts when a second person has confirmed it. Refuses a time
    that is not later than the last reading."""
    probe = work.lock(Probe, given.probe)
    at = work.happened.replace(microsecond=0)
    reading = array("q", [pack(second(at), hundredths(given.celsius))])
    refusals = [*time_refusals(work, "The reading", at, probe.last_at), *improbable_times(work, probe, reading)]
    work.judge(probe, ReadingImport, refusals=refusals)
    return work.add(
        ReadingImport(
            code=new_code(work, Kind.READINGS),
            probe_id=probe.id,
            source="hand",
            row_count=1,
            stored=0,
            duplicates=0,
            out_of_order=0,
            left_out=0,
            known_before=0,
            first_at=at,
            last_at=at,
            hand_celsius=given.celsius,
            entered_by_id=work.actor.id,
        )
    )


class ConfirmReading(TellingInput):
    """Confirm a temperature read off by hand."""

    readings: ReadingsCode = Field(title="Reading")
    celsius: TemperatureC = Field(title="Temperature", description="As you read it yourself on the display.")
    confirmed: bool = Field(title="Is it right?")


@act(ConfirmReading)
def confirm_reading(work: Work, given: ConfirmReading) -> ReadingImport:
    """The second person looks at the same display. A reading that is not confirmed is kept as rejected and never
    counts. Refuses another value than the first person's."""
    probe_id = work.find(ReadingImport, given.readings).probe_id
    probe = work.lock_id(Probe, probe_id)
    made = work.lock(ReadingImport, given.readings)
    target = ReadingState.STORED if given.confirmed else ReadingState.REJECTED
    readings, refusals = array("q"), []
    if made.state == ReadingState.ENTERED and given.confirmed:
        # A check beforehand shows what follows from the own value, and nothing of the hidden one.
        value = given.celsius if work.dry_run else made.hand_celsius
        readings.append(pack(second(made.first_at), hundredths(Decimal(value or 0))))
        if given.celsius != made.hand_celsius:
            sentence = "The first person read another temperature than {given} °C. Look again, or do not confirm it."
            refusals.append(refuse(Code.READINGS_DIFFER, sentence, given=given.celsius))
    taken = look_at(work, probe, readings, refusals)
    lots = lock_lots_to_stop(work, probe, taken.found)
    work.judge(made, refusals=refusals, to=target)
    made.confirmed_by_id = work.actor.id
    if given.confirmed:
        made.digest = copy_readings(work, probe.id, made.id, taken.keys(), taken.stored, lambda _: None)
        made.stored, made.known_before = taken.stored, taken.known
        stop_lots(work, lots, _watch_on(work, probe, taken))
    work.transition(made, to=target)
    return made
