"""Tissue becomes lots: three culture lines, banks and product lots, each tested and released."""

import datetime
from dataclasses import dataclass

from cellbank.story.cast import DONORS, LINES, CellLine, Passage
from cellbank.story.donors import donor_of, late_arrival
from cellbank.story.freezing import freezer_run
from cellbank.story.player import DAY, HOUR, MINUTE, Player
from cellbank.story.stores import Shelves, furnish, stock_reagents

CELLS_PER_VIAL = 25_000_000
BANK_VIALS, BANK_CELLS_PER_VIAL = 20, 10_000_000
LAST_VIALS = 4


@dataclass
class Made:
    """What the first half leaves for the second."""

    lots: dict[str, str]  # donor pseudonym -> product lot
    reagents: dict[str, str]  # the maker's number -> reagent lot
    boxes: dict[str, str]  # vial -> the box in which it stands
    dewar: str  # in which picked vials are carried


def play(story: Player) -> Made:
    """Play the first half; returns the product lots by donor."""
    shelves = furnish(story)
    reagents = stock_reagents(story)
    donations = {donor.pseudonym: donor_of(story, donor) for donor in DONORS}
    lots = {line.donor: _line(story, line, donations[line.donor], reagents, shelves) for line in LINES}
    late_arrival(story, donations)
    return Made(lots, reagents, shelves.box_of, shelves.dewar)


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
