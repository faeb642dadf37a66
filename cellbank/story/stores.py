"""What a bank has before its first donor: the cold store, and reagents that were accepted."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from cellbank.story.player import DAY, Player


@dataclass
class Shelves:
    """The boxes of the cold store, by what is kept in them; and in which of them each vial stands."""

    product: list[str]
    bank: str
    dewar: str
    box_of: dict[str, str] = field(default_factory=dict)


def furnish(story: Player) -> Shelves:
    """The cold store: a room, two tanks, their racks and boxes."""
    at = story.ago(200)

    def unit(**given: Any) -> str:
        return str(story.do("olena", "add_storage_unit", at, **given)["code"])

    room = unit(type="room", name="Cryo room")
    tank = unit(type="tank", name="Tank 1", parent=room, capacity=6)
    spare = unit(type="tank", name="Tank 2 (spare)", parent=room, capacity=6)
    unit(type="rack", name="Rack 6", parent=spare, place=5)
    racks = [unit(type="rack", name=f"Rack {number}", parent=tank) for number in (1, 2)]
    canister = unit(type="canister", name="Canister 1", parent=tank, place=6)
    unit(type="cassette", name="Cassette 1", parent=canister, rows=1, columns=1)
    boxes = [
        unit(type="box", name=f"Box {number}", parent=racks[number > 4], rows=9, columns=9) for number in range(1, 7)
    ]
    bank = unit(type="box", name="Box 7", parent=racks[1], rows=6, columns=7)
    return Shelves(boxes, bank, unit(type="dewar", name="Transfer dewar 1", parent=room, cold_minutes=240))


def stock_reagents(story: Player) -> dict[str, str]:
    """Reagent lots, accepted by a quality officer, the medium counted; one is open, one is left in quarantine."""
    made = {}
    for name, maker, number in (
        ("Culture medium with 5 % platelet lysate", "Biowest", "MED-2291"),
        ("Collagenase NB 6", "Nordmark", "NB6-0417"),
        ("TrypLE dissociation reagent", "Gibco", "TRY-8832"),
        ("Cryoprotectant: 10 % DMSO in 5 % albumin and saline", "WAK-Chemie", "CRY-1140"),
        ("Culture medium with 5 % platelet lysate", "Biowest", "MED-2340"),
    ):
        last = number == "MED-2340"
        at = story.ago(2 if last else 190)
        counted = {"quantity": "50000", "unit": "mL"} if number.startswith("MED") else {}
        expires = (story.today + datetime.timedelta(days=420)).date().isoformat()
        code = story.do(
            "olena",
            "receive_reagent",
            at,
            name=name,
            manufacturer=maker,
            manufacturer_lot=number,
            certificate=f"CoA {number}",
            expires_on=expires,
            **counted,
        )["code"]
        if not last:
            story.do("iryna", "decide_reagent", at + DAY, reagent=code, decision="accept", reason="Certificate checked")
            made[number] = code
    _open_albumin(story)
    return made


def _open_albumin(story: Player) -> None:
    """Albumin to dilute doses: it keeps four weeks once open."""
    at, expires = story.ago(12), (story.today + datetime.timedelta(days=300)).date().isoformat()
    code = story.do(
        "olena",
        "receive_reagent",
        at,
        name="Albumin 5 %",
        manufacturer="Octapharma",
        manufacturer_lot="ALB-0090",
        certificate="CoA ALB-0090",
        expires_on=expires,
        quantity="24",
        unit="pieces",
        days_once_open=28,
    )["code"]
    story.do("iryna", "decide_reagent", at + DAY, reagent=code, decision="accept", reason="Certificate checked")
    story.do("andriy", "open_reagent", at + 2 * DAY, reagent=code)
