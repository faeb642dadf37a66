"""What every document of a lot begins with: the lot, where it came from, and whether it may be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import LotState
from cellbank.domain.quantities import millions
from cellbank.domain.specification import Specification
from cellbank.outside.document_pdf import Facts, Run
from cellbank.services.common import read_specification
from cellbank.services.trail.signatures import Signed, signatures_of
from cellbank.services.wording.values import Clock, clock, shown, word

RELEASED = LotState.RELEASED
STOPPED = {
    LotState.REJECTED: "REJECTED – may never be used",
    LotState.RECALLED: "RECALLED – must not be used; return or destroy it as the recall says",
    LotState.ON_HOLD: "ON HOLD – must not be used until the hold is lifted",
}


@dataclass(frozen=True)
class LotHead:
    """One lot with its donation, its specification, its signatures and the clock of its site."""

    row: Mapping[str, Any]
    specification: Specification
    signatures: tuple[Signed, ...]
    time: Clock

    @property
    def id(self) -> int:
        return int(self.row["id"])

    @property
    def release(self) -> Signed | None:
        """The latest signature that released the lot."""
        return next((one for one in reversed(self.signatures) if one.meaning == "released"), None)

    @property
    def stopped(self) -> str:
        """Why the lot may not be used, for every page of a document; nothing where it may."""
        state = self.row["state"]
        if state in STOPPED:
            return STOPPED[state]
        if state == RELEASED and self.release is not None and not self.release.holds:
            return "THE SIGNATURE OF THE RELEASE IS VOID – the lot changed after it was signed"
        return ""

    def facts(self, *more: tuple[str, Any]) -> Facts:
        """The facts of the lot, and more of them."""
        row, specification = self.row, self.specification
        at = {name: self.time(row[name]) if row[name] else "–" for name in ("collected_at", "received_at", "frozen_at")}
        pairs: tuple[tuple[str, Any], ...] = (
            ("Lot", Run(row["code"], "code")),
            ("State", Run(word(row["state"]).capitalize(), "alarm" if self.stopped else "strong")),
            ("Product", f"{specification.title} ({specification.short_name})"),
            ("Product code", row["product_code"]),
            ("Specification", f"{specification.id}, version {specification.version}"),
            ("Purpose", word(row["purpose"]).capitalize()),
            ("Donation", (Run(printed(row["donation"]), "code"), Run(row["tissue"], "muted"))),
            ("Donor", (Run(row["pseudonym"]), Run(f"{row['donor']}, {word(row['donor_state'])}", "muted"))),
            ("Collected", at["collected_at"]),
            ("Received", at["received_at"]),
            ("Freezing began", at["frozen_at"]),
            ("Expires", shown(row["expires_on"])),
            ("In each vial", f"{millions(row['cells_per_vial'])} cells in {shown(row['volume_ml'])} mL"),
            ("Cryoprotectant", f"{row['cryoprotectant']}, DMSO {shown(row['dmso_percent'])} %"),
            ("Passage", f"P{row['passage']}, {shown(row['cumulative_doublings'])} population doublings in all"),
            ("Storage", specification.storage),
        )
        return Facts((*pairs, *more))


_LOT = text(
    """SELECT l.*, n.code AS donation, n.tissue, n.collected_at, n.received_at, n.id AS donation_id, d.pseudonym,
              d.code AS donor, d.state AS donor_state, d.id AS donor_id, f.content AS specification, s.timezone
         FROM lot l JOIN donation n ON n.id = l.donation_id JOIN donor d ON d.id = n.donor_id
         JOIN definition f ON f.id = l.specification_id JOIN site s ON s.id = l.site_id WHERE l.code = :code"""
)


def read_lot(connection: Connection, code: str) -> LotHead | None:
    """The lot with this code; None when there is none."""
    row = connection.execute(_LOT, {"code": code}).mappings().one_or_none()
    if row is None:
        return None
    signatures = signatures_of(connection, {("lot", row["id"]): row["code"]})
    return LotHead(dict(row), read_specification(row["specification"]), signatures, clock(ZoneInfo(row["timezone"])))
