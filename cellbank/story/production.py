"""First half of the story: four donors, their tissue, three culture lines, banks and product lots."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from cellbank.story.cast import DONORS, LINES, CellLine, DonorPart, Passage
from cellbank.story.freezing import freezer_run
from cellbank.story.player import Player

PANEL = ("HIV-AB", "HIV-NAT", "HBSAG", "HBC-AB", "HBV-NAT", "HCV-AB", "HCV-NAT", "SYPHILIS", "SARS2-NAT")
CELLS_PER_VIAL = 25_000_000
BANK_VIALS, BANK_CELLS_PER_VIAL = 20, 10_000_000
LAST_VIALS = 4
HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


@dataclass
class Shelves:
    """The boxes of the cold store, by what is kept in them; and in which of them each vial stands."""

    product: list[str]
    bank: str
    dewar: str
    box_of: dict[str, str] = field(default_factory=dict)


@dataclass
class Made:
    """What the first half leaves for the second."""

    lots: dict[str, str]  # donor pseudonym -> product lot
    reagents: dict[str, str]  # the maker's number -> reagent lot
    boxes: dict[str, str]  # vial -> the box in which it stands
    dewar: str  # in which picked vials are carried


def play(story: Player) -> Made:
    """Play the first half; returns the product lots by donor."""
    shelves = _furnish(story)
    reagents = _reagents(story)
    donations = {donor.pseudonym: _donor(story, donor) for donor in DONORS}
    lots = {line.donor: _line(story, line, donations[line.donor], reagents, shelves) for line in LINES}
    _late_arrival(story, donations)
    return Made(lots, reagents, shelves.box_of, shelves.dewar)


def _furnish(story: Player) -> Shelves:
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


def _reagents(story: Player) -> dict[str, str]:
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


def _donor(story: Player, part: DonorPart) -> dict[str, str]:
    """Register, receive both tissues, test the mother, determine. Returns the DINs by tissue."""
    born = story.ago(part.delivered_days_ago, 7, 20)
    donor = story.do("olena", "register_donor", born - 30 * DAY, pseudonym=part.pseudonym, birth_year=part.birth_year)[
        "code"
    ]
    story.do(
        "olena",
        "record_consent",
        born - 30 * DAY,
        donor=donor,
        version="ICF-3.1",
        scope="clinical_use",
        given_on=(born - 30 * DAY).date().isoformat(),
    )
    sizes = {"placenta": {"mass_g": "512.0"}, "cord": {"mass_g": "46.5", "length_cm": "41.0"}}
    donations = {
        tissue: story.do(
            "olena",
            "receive_donation",
            born + 5 * HOUR,
            donor=donor,
            tissue=tissue,
            collected_at=born.isoformat(),
            transport_min_c="3.1",
            transport_max_c="6.8",
            **size,
        )["code"]
        for tissue, size in sizes.items()
    }
    _test_donor(story, part, donor, born)
    return donations | {"donor": donor}


def _test_donor(story: Player, part: DonorPart, donor: str, born: datetime.datetime) -> None:
    results = [
        story.do(
            "andriy",
            "enter_result",
            born + 4 * DAY,
            donor=donor,
            test=test,
            choice="positive" if test == "HBV-NAT" and not part.eligible else "negative",
            started_at=(born + 2 * HOUR).isoformat(),
            resulted_at=(born + 3 * DAY).isoformat(),
        )["code"]
        for test in PANEL
    ]
    story.do("maksym", "review_results", born + 5 * DAY, results=results, confirmed=True)
    story.do(
        "iryna",
        "determine_eligibility",
        born + 6 * DAY,
        donor=donor,
        decision="eligible" if part.eligible else "ineligible",
        reason="Panel and history complete, NAT negative" if part.eligible else "HBV NAT reactive",
    )


def _line(story: Player, line: CellLine, donations: dict[str, str], reagents: dict[str, str], shelves: Shelves) -> str:
    """One line from tissue to a product lot at P4, with a master bank at P2."""
    delivered = next(donor.delivered_days_ago for donor in DONORS if donor.pseudonym == line.donor)
    at = story.ago(delivered, 15)
    medium = reagents["MED-2291"]
    enzyme = [reagents["NB6-0417"]] if line.tissue == "cord" else []
    method = "enzymatic" if enzyme else "explant"
    culture = story.do(
        "olena",
        "isolate_tissue",
        at,
        donation=donations[line.tissue],
        method=method,
        vessel="T-175 × 24",
        area_cm2="4200",
        reagents=[medium, *enzyme],
        reagent_quantities={medium: "1200"},
    )["code"]
    at += line.explant_days * DAY
    _harvest(story, culture, line.p0_cells, line.p0_viability, at)
    for number, passage in enumerate(line.passages, start=1):
        parent, culture = culture, _passage(story, culture, passage, at, [medium, reagents["TRY-8832"]])
        _finish(story, parent, at + 6 * HOUR)
        at += passage.days * DAY
        _harvest(story, culture, passage.harvested, passage.viability, at)
        if number == 2 and line.tissue == "placenta":
            _bank(story, line, culture, at, reagents, shelves)
    given = ("product", line.vials, CELLS_PER_VIAL, at + HOUR, reagents["CRY-1140"])
    lot, vials = _freeze(story, culture, *given, slips=line is LINES[2])
    place = 2 * LINES.index(line)
    _store(story, vials, shelves.product[place : place + 2], shelves, at + 4 * HOUR)
    if line is LINES[-1]:
        _last_vials(story, culture, at + 2 * HOUR, reagents, shelves)
    _finish(story, culture, at + 6 * HOUR)
    _assess(story, line, lot, vials, at)
    return lot


def _last_vials(story: Player, culture: str, at: datetime.datetime, reagents: dict[str, str], shelves: Shelves) -> None:
    """What is left of a harvest, frozen in a second run: its file is still in the freezer, for somebody to import."""
    given = ("working_bank", LAST_VIALS, CELLS_PER_VIAL, at, reagents["CRY-1140"])
    _, vials = _freeze(story, culture, *given, file_waits=True)
    _store(story, vials, shelves.product[5:6], shelves, at + 2 * HOUR)


def _finish(story: Player, culture: str, at: datetime.datetime) -> None:
    """What nobody needs of a harvest is discarded, so that the culture's cells are all accounted for."""
    story.do("olena", "finish_culture", at, culture=culture)


def _harvest(story: Player, culture: str, cells: int, viability: str, at: datetime.datetime) -> None:
    story.do(
        "olena",
        "record_harvest",
        at,
        culture=culture,
        total_cells=cells,
        viability_percent=viability,
        confluence_percent="85",
    )


def _passage(story: Player, parent: str, passage: Passage, at: datetime.datetime, reagents: list[str]) -> str:
    made = story.do(
        "olena",
        "passage_culture",
        at + HOUR / 2,
        culture=parent,
        vessel="CellSTACK-10",
        area_cm2=str(passage.area_cm2),
        viable_cells=passage.seeded,
        reagents=reagents,
        reagent_quantities={reagents[0]: "2500"},
    )
    return str(made["cultures"][0])


def _freeze(
    story: Player,
    culture: str,
    purpose: str,
    count: int,
    content: int,
    at: datetime.datetime,
    cryoprotectant: str,
    *,
    slips: bool = False,
    file_waits: bool = False,
) -> tuple[str, list[str]]:
    """Open a lot, fill every vial, close, freeze. Returns the lot and its vials."""
    used = count * content + 40_000_000
    opened = story.do(
        "olena",
        "open_lot",
        at,
        cultures=[culture],
        cells=[used],
        purpose=purpose,
        vial_count=count,
        cells_per_vial=content,
        volume_ml="1.0",
        dmso_percent="10",
        reagents=[cryoprotectant],
    )
    lot, first = opened["code"], opened["first_vial"]
    vials = [f"{first[:13]}{int(first[13:]) + number:06d}" for number in range(count)]
    story.do("olena", "record_filling", at + 15 * MINUTE, lot=lot, vials=vials)
    story.do("olena", "close_filling", at + 35 * MINUTE, lot=lot, sample_cells=30_000_000, lost_cells=10_000_000)
    story.do("olena", "record_freezing", at + 45 * MINUTE, lot=lot, program="CRF-1")
    if not file_waits:
        freezer_run(story, lot, at + 45 * MINUTE, slips=slips)
    return lot, vials


def _store(story: Player, vials: list[str], boxes: list[str], shelves: Shelves, at: datetime.datetime) -> None:
    for number, box in enumerate(boxes):
        part = vials[number * 81 : (number + 1) * 81]
        if part:
            story.do("andriy", "store_vials", at + number * 5 * MINUTE, vials=part, box=box)
            shelves.box_of.update(dict.fromkeys(part, box))


def _bank(
    story: Player, line: CellLine, culture: str, at: datetime.datetime, reagents: dict[str, str], shelves: Shelves
) -> None:
    """Freeze a master bank. The first is released and starts a new culture; the second waits for a signature."""
    lot, vials = _freeze(
        story, culture, "master_bank", BANK_VIALS, BANK_CELLS_PER_VIAL, at + HOUR, reagents["CRY-1140"]
    )
    _store(story, vials, [shelves.bank], shelves, at + 3 * HOUR)
    _test_lot(story, lot, at, sterile=True, slip=line is LINES[1])
    if line is not LINES[0]:
        return
    story.do("maksym", "review_batch_record", at + 44 * DAY, lot=lot)
    story.do("iryna", "release_lot", at + 45 * DAY, lot=lot)
    story.do(
        "olena",
        "thaw_bank_vial",
        story.ago(4, 10),
        vial=vials[0],
        vessel="T-175 × 4",
        area_cm2="700",
        viable_cells=8_100_000,
        reagents=[reagents["MED-2291"]],
    )


def _assess(story: Player, line: CellLine, lot: str, vials: list[str], filled: datetime.datetime) -> None:
    """Test a product lot. The first two are released; the third grows something in its sterility test."""
    sterile = line is not LINES[2]
    story.do(
        "andriy",
        "use_vial_for_testing",
        filled + 10 * DAY,
        vial=vials[-1],
        tests="Post-thaw viability, recovery, identity",
    )
    _test_lot(story, lot, filled, sterile=sterile)
    if sterile:
        story.do("maksym", "review_batch_record", filled + 38 * DAY, lot=lot)
        story.do("iryna", "release_lot", filled + 40 * DAY, lot=lot)
        for type_ in ("batch_record", "certificate"):
            story.do("iryna", "issue_document", filled + 40 * DAY, code=lot, type=type_)


def _test_lot(story: Player, lot: str, filled: datetime.datetime, *, sterile: bool, slip: bool = False) -> None:
    """Enter every result of the specification and have it reviewed. With a `slip` of the pen one is corrected first."""
    numbers = {
        "CD73": "99.1", "CD90": "98.7", "CD105": "97.9", "NEGATIVE": "0.6", "HLA-DR": "1.2", "VIABILITY": "94.4",
        "ENDOTOXIN": "0.05", "POTENCY": "41", "PT-VIABILITY": "85", "PT-RECOVERY": "90",
    }  # fmt: skip
    choices = {
        "TRILINEAGE": "all three", "IDENTITY": "match", "KARYOTYPE": "normal", "MYCOPLASMA": "no growth",
        "STERILITY": "no growth" if sterile else "growth", "PT-IDENTITY": "match", "PT-STERILITY": "no growth",
    }  # fmt: skip
    waits = {"STERILITY": 15, "MYCOPLASMA": 29, "PT-STERILITY": 15}
    results = []
    for test, value in (numbers | choices).items():
        started = filled + (11 * DAY if test.startswith("PT-") else 2 * HOUR)
        resulted = started + waits.get(test, 3) * DAY
        kind = "number" if test in numbers else "choice"
        results.append(
            story.do(
                "andriy",
                "enter_result",
                resulted,
                lot=lot,
                test=test,
                started_at=started.isoformat(),
                resulted_at=resulted.isoformat(),
                **{kind: value},
            )["code"]
        )
    if slip:
        wrong = results.pop(list(numbers).index("POTENCY"))
        right = {"result": wrong, "number": "44", "reason": "44 on the printout, typed as 41"}
        results.append(story.do("olena", "correct_result", filled + 32 * DAY, **right)["code"])
    story.do("maksym", "review_results", filled + 35 * DAY, results=results, confirmed=True)


def _late_arrival(story: Player, donations: dict[str, dict[str, str]]) -> None:
    """A donor of yesterday whose placenta travelled too warm: a quality officer must decide."""
    born = story.ago(1, 5, 40)
    donor = story.do("andriy", "register_donor", born - 20 * DAY, pseudonym="PL-005", birth_year=1996)["code"]
    story.do(
        "andriy",
        "record_consent",
        born - 20 * DAY,
        donor=donor,
        version="ICF-3.1",
        scope="clinical_use",
        given_on=(born - 20 * DAY).date().isoformat(),
    )
    story.do(
        "andriy",
        "receive_donation",
        born + 6 * HOUR,
        donor=donor,
        tissue="placenta",
        collected_at=born.isoformat(),
        transport_min_c="4.0",
        transport_max_c="11.2",
        mass_g="488.0",
    )
