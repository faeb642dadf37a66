"""What the acts that take a file share: the fields of the form, the file itself, and what people answered about the
last file of the same source, be it a probe or a freezer."""

import contextlib
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict
from sqlalchemy import select

from cellbank.domain.logger_file import FileAsks, FileProblem, Lines, Mapping, Said
from cellbank.domain.sheets.zones import UnknownZone, called, zone_called
from cellbank.records.temperature import SheetAnswer
from cellbank.records.work import Work
from cellbank.services.acts import Malformed, Problem
from cellbank.services.inputs import Moment, OneLine
from cellbank.services.site_time import local_day
from cellbank.services.temperature.logger_files import end_progress, ends_cut_off, kept

RARELY: JsonDict = {"folded": "file"}  # on the page: behind a line that opens
SentFile = Annotated[str, Field(title="File", pattern="^[0-9a-f]{64}$", json_schema_extra={"upload": "file"})]
FileName = Annotated[OneLine, Field(title="File name", description="Filled in by the file that was chosen.")]


def _zone(given: str) -> str:
    try:
        return called(zone_called(given))
    except UnknownZone:
        raise ValueError("must be a time zone, such as Europe/Kyiv, UTC or UTC+02:00") from None


FileZone = Annotated[
    Annotated[OneLine, AfterValidator(_zone)] | None,
    Field(
        title="Time zone of the file",
        description="Where its times have no offset: Europe/Kyiv, or UTC+02:00 for a logger without summer time. "
        "Empty: as the file says, else the site's.",
        json_schema_extra=RARELY,
    ),
]
ToldZone = Annotated[
    Literal["file", "given"] | None, Field(title="Where the file names another zone", json_schema_extra=RARELY)
]
TimeColumn = Annotated[
    OneLine | None,
    Field(
        title="Column of the time",
        description="Empty: as the last file of this source, or found.",
        json_schema_extra=RARELY,
    ),
]
DateColumn = Annotated[
    OneLine | None, Field(title="Column of the date, if it is another one", json_schema_extra=RARELY)
]
FileUnit = Annotated[
    Literal["C", "F", "K", "C/10", "C/100", "C/1000"] | None, Field(title="Unit", json_schema_extra=RARELY)
]
DateOrder = Annotated[
    Literal["day_first", "month_first", "year_first"] | None,
    Field(title="Order of the date", json_schema_extra=RARELY),
]
FileStart = Annotated[
    Moment | None,
    Field(title="Start of the file", description="Where its times count from a start.", json_schema_extra=RARELY),
]
FileTimes = Annotated[
    Literal["clock", "elapsed", "seconds", "minutes", "hours"] | None,
    Field(title="Times without a date are", json_schema_extra=RARELY),
]
SkipUnreadable = Annotated[
    bool,
    Field(title="Leave out rows that are no readings", description="They count as silence.", json_schema_extra=RARELY),
]


@contextlib.contextmanager
def sent_file(work: Work, sha256: str) -> Iterator[Path]:
    """The file with this digest, as long as an act reads it. Raises Malformed: nobody sent it, it is cut off, or what a
    FileProblem within tells."""
    path = kept(work.folder, sha256) if work.folder else None
    if path is None:
        raise Malformed([Problem("sha256", "There is no such file here: choose it again.")])
    try:
        if ends_cut_off(path):
            raise FileProblem("The last row is cut off: it has no line end and another shape than the row before.")
        yield path
    except FileAsks as asked:
        *others, last = asked.problems
        question = Problem(asked.question.field, last, asked.question)
        raise Malformed([*(Problem("sha256", sentence) for sentence in others), question]) from None
    except FileProblem as found:
        raise Malformed([Problem("sha256", sentence) for sentence in found.problems]) from None
    finally:
        end_progress(path)


def said(work: Work, given: Any, kind: str, source: str) -> Said:
    """What is known about a file of this source beside its text: what the person gave, and what was learned."""
    return Said(
        ZoneInfo(work.actor.zone),
        given.mapping(),
        learned(work, kind, source),
        given.started_at,
        until=local_day(work, work.now + datetime.timedelta(days=1)),
        skip_unreadable=given.skip_unreadable,
    )


def from_the_start(lines: TextIO) -> Lines:
    """The lines of an open file, from its beginning each time that they are asked for."""

    def again() -> Iterable[str]:
        lines.seek(0)
        return lines

    return again


# --- what was answered ------------------------------------------------------------------------


def learned(work: Work, kind: str, source: str) -> Mapping:
    """What people answered about the files of this source; nothing before the first one."""
    answers = work.session.scalar(_of(SheetAnswer.answers, kind, source))
    return Mapping(**answers) if answers else Mapping()


def learn(work: Work, kind: str, source: str, known: Said, read: Mapping) -> None:
    """Keep what the columns of this source are called, and what a person said of them. A unit or a zone that the file
    itself told is not kept: another file may tell another one, or none."""
    person = known.wanted.filled_from(known.learned)
    answers = replace(read, unit=person.unit, clock=person.clock, told_zone=person.told_zone).as_json()
    held = work.session.scalars(_of(SheetAnswer, kind, source)).one_or_none()
    if held is None:
        work.note(SheetAnswer(sheet=kind, source=source, answers=answers))
    elif held.answers != answers:
        held.answers = answers


def _of(what: Any, kind: str, source: str) -> Any:
    return select(what).where(SheetAnswer.sheet == kind, SheetAnswer.source == source)
