"""What a document says, before it is printed: which record it is about, and its blocks, as plain data and back.

A document is kept as this data, in the words of the lab, and not as a file: whoever prints it again needs no record,
and whoever compares two editions compares what people read.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, text

from cellbank.outside.document_chart import Chart
from cellbank.outside.document_form import Boxes, Sheet, Symbols
from cellbank.outside.document_pdf import Block, Facts, Heading, Table, Text
from cellbank.outside.document_picture import Picture, Trace
from cellbank.records.base import as_json

BLOCKS: dict[str, type[Block]] = {
    "heading": Heading, "text": Text, "facts": Facts, "table": Table, "picture": Picture, "chart": Chart,
    "trace": Trace, "sheet": Sheet, "symbols": Symbols, "boxes": Boxes,
}  # fmt: skip
NAMES = {block: name for name, block in BLOCKS.items()}


@dataclass(frozen=True)
class Paper:
    """What a document of one record says now. `mark` stands on every page in the colour of alarm: what the sheet is
    not, or that its lot is stopped."""

    title: str
    subject: str
    site: str
    code: str
    blocks: tuple[Block, ...]
    mark: str = ""

    @property
    def digest(self) -> str:
        """sha256 of all that it says: another digest is another document."""
        return digest_of(as_data(self))


def as_data(paper: Paper) -> dict[str, Any]:
    """The paper as JSON: blocks as objects with their type."""
    said = {name: getattr(paper, name) for name in ("title", "subject", "site", "code", "mark")}
    return {**said, "blocks": as_blocks(paper.blocks)}


def as_blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Blocks as JSON: objects with their type."""
    return [{"type": NAMES[type(block)], **dataclasses.asdict(block)} for block in blocks]


def from_data(data: Mapping[str, Any]) -> Paper:
    """The paper from its JSON."""
    blocks = tuple(_block(one) for one in data["blocks"])
    return Paper(data["title"], data["subject"], data["site"], data["code"], blocks, data["mark"])


def _block(data: Mapping[str, Any]) -> Block:
    block: Block = _reader(data["type"]).validate_python({n: value for n, value in data.items() if n != "type"})
    return block


@cache
def _reader(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(BLOCKS[name])


def digest_of(data: Mapping[str, Any]) -> str:
    """sha256 of canonical JSON."""
    return hashlib.sha256(as_json(data).encode()).hexdigest()


def snapshot(engine: Engine) -> Connection:
    """A connection that sees the database as of one moment and writes nothing; for use with `with`."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def site_line(connection: Connection, site_id: int) -> str:
    """The site as it stands at the head of each page."""
    statement = text("SELECT name, fin, fin_registered FROM site WHERE id = :id")
    site = connection.execute(statement, {"id": site_id}).one()
    return f"{site.name} (FIN {site.fin}{'' if site.fin_registered else ' – NOT A REGISTERED FIN'})"


def site_zone(connection: Connection, site_id: int) -> ZoneInfo:
    """The zone in which a document tells its times."""
    return ZoneInfo(str(connection.scalar(text("SELECT timezone FROM site WHERE id = :id"), {"id": site_id})))


def headed(blocks: Sequence[Block]) -> list[tuple[str, Block]]:
    """Each block but the headings and the titles of sheets with that under which it stands."""
    heading = ""
    found: list[tuple[str, Block]] = []
    for block in blocks:
        if isinstance(block, Heading | Sheet):
            heading = block.text
        else:
            found.append((heading, block))
    return found
