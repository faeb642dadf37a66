"""What the acts that take a logger's file share: the fields of the form, the file itself, and the titles of its columns
as they were learned from the last file of the same model."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.logger_file import FileProblem, Mapping
from cellbank.records.temperature import LoggerMapping
from cellbank.records.work import Work
from cellbank.services.acts import Malformed, Problem
from cellbank.services.inputs import Line, Zone
from cellbank.services.temperature.logger_files import end_progress, ends_cut_off, kept

R = TypeVar("R")
RARELY = {"folded": "file"}  # on the page: behind a line that opens
SentFile = Annotated[str, Field(title="File", pattern="^[0-9a-f]{64}$", json_schema_extra={"upload": "file"})]
FileName = Annotated[Line, Field(title="File name", description="Filled in by the file that was chosen.")]
FileZone = Annotated[
    Zone | None,
    Field(
        title="Time zone of the file",
        description="Where its times have no offset. Empty: the site's.",
        json_schema_extra=RARELY,
    ),
]
TimeColumn = Annotated[
    Line | None,
    Field(
        title="Column of the time",
        description="Empty: as the last file of this model, or found.",
        json_schema_extra=RARELY,
    ),
]
DateColumn = Annotated[Line | None, Field(title="Column of the date, if it is another one", json_schema_extra=RARELY)]
FileUnit = Annotated[Literal["C", "F"] | None, Field(title="Unit", json_schema_extra=RARELY)]
DateOrder = Annotated[
    Literal["day_first", "month_first"] | None, Field(title="Order of the date", json_schema_extra=RARELY)
]
SkipUnreadable = Annotated[
    bool,
    Field(title="Leave out rows without a number", description="They count as silence.", json_schema_extra=RARELY),
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
    except FileProblem as found:
        raise Malformed([Problem("sha256", sentence) for sentence in found.problems]) from None
    finally:
        end_progress(path)


def zone_of(work: Work, given: str | None) -> ZoneInfo:
    """The zone in which a file tells its times: the one that was given, or that of the site."""
    return ZoneInfo(given or work.actor.zone)


def learned_columns(work: Work, model: str) -> Mapping | None:
    """What the columns of this model's files are called; None before the first file."""
    columns = work.session.scalar(select(LoggerMapping.columns).where(LoggerMapping.model == model))
    return Mapping(**columns) if columns else None


def read_as_learned(work: Work, model: str, named: Mapping, read: Callable[[Mapping], R]) -> R:
    """What `read` makes of a file by the titles that somebody named, the others as the model's last file had them; by
    those that were named alone where the file has other titles by now. `read` begins at the start each time."""
    learned = learned_columns(work, model)
    if learned is None:
        return read(named)
    try:
        return read(named.filled_from(learned))
    except FileProblem:
        return read(named)


def learn_columns(work: Work, model: str, mapping: Mapping) -> None:
    """Keep what the columns of a model's files are called."""
    columns = mapping.as_json()
    held = work.session.scalars(select(LoggerMapping).where(LoggerMapping.model == model)).one_or_none()
    if held is None:
        work.note(LoggerMapping(model=model, columns=columns))
    elif held.columns != columns:
        held.columns = columns
