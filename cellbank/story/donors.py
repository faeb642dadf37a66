"""Four donors: consent, panel, donation; and one whose tissue came too late."""

import datetime

from cellbank.story.cast import DonorPart
from cellbank.story.player import DAY, HOUR, Player

PANEL = ("HIV-AB", "HIV-NAT", "HBSAG", "HBC-AB", "HBV-NAT", "HCV-AB", "HCV-NAT", "SYPHILIS", "SARS2-NAT")


def donor_of(story: Player, part: DonorPart) -> dict[str, str]:
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


def late_arrival(story: Player, donations: dict[str, dict[str, str]]) -> None:
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
