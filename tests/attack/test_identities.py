"""Nobody reads who a subject is: no second identifier and no birth date in any page, JSON, PDF or CSV, nor in what an
act answers, but where a patient is identified.

The three places: typed at enrolment; compared, never shown, at the bedside; its last four characters on wristband, dose
label and the page of the dose. `look_at_identity` tells it once, and the trail keeps who looked.
"""

import datetime
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytest

from cellbank.services import catalogue
from cellbank.services.acts import Malformed, run_act
from cellbank.services.installation import server_time
from cellbank.services.people.actors import SYSTEM
from tests.attack.crawl import Asked, Crawler, column, words
from tests.attack.every_act import furnish, inputs
from tests.attack.size import in_full, sized
from tests.conftest import StoryInstallation
from tests.factories.world import PASSWORD, World

pytestmark = [pytest.mark.requirement("R5"), pytest.mark.usefixtures("labels_drawn")]

EVERYBODY = "everybody"  # has every role of who works at the first site
OF_PATIENTS = sized(1, 1000)  # of each: subjects, doses, weights
INPUTS_EACH = sized(1, 100)
TELLS_IT = "look_at_identity"
NOT_ASKED = {"web.comparison", "web.definition"}  # definitions are about nobody
# Where the last four characters may stand: labels, and the page of a dose that is compared with its label.
LAST_FOUR = re.compile(r"^/(labels|api/printings)/\d+\.pdf$|^/record/CH\w+$")
IDENTITIES = "SELECT DISTINCT second_identifier FROM subject"
BIRTH_DATES = "SELECT DISTINCT born_on FROM subject"


@dataclass(frozen=True)
class Secrets:
    """What must stand nowhere, in every way of writing it; and what may only stand in some places."""

    whole: re.Pattern[str]
    last_four: re.Pattern[str]
    ways: tuple[str, ...]  # to write one of them, in small letters

    @classmethod
    def of(cls, world: World) -> "Secrets":
        identifiers = [str(one) for one in column(world.installation, IDENTITIES)]
        days = [way for day in column(world.installation, BIRTH_DATES) for way in ways_of_writing(day)]
        bare = [re.sub(r"\W", "", one) for one in identifiers]
        ways = sorted({*identifiers, *bare, *days}, key=len, reverse=True)
        either = "|".join(map(re.escape, ways))
        ends = "|".join(re.escape(one[-4:]) for one in identifiers)
        return cls(
            re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE),
            re.compile(rf"…(?:{ends})(?!\w)"),
            tuple(w.lower() for w in ways),
        )

    def told(self, said: str, path: str = "") -> list[str]:
        """What of it a text tells. Looked for as plain text first: that takes a hundredth of the time."""
        lowered = said.lower()
        whole = self.whole.findall(said) if any(way in lowered for way in self.ways) else []
        return whole + ([] if LAST_FOUR.search(path) else self.last_four.findall(said))


def ways_of_writing(day: datetime.date) -> tuple[str, ...]:
    """A day as programs and people write it."""
    return tuple(f"{day:{way}}" for way in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %B %Y", "%d %b %Y", "%Y%m%d"))


@pytest.fixture(scope="module")
def played(
    story_installation: StoryInstallation, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[World]:
    installation = story_installation(f"identities_{worker_id}", tmp_path_factory.mktemp("identities"))
    world = World(installation, random.Random(6), server_time())
    given = {"name": EVERYBODY, "full_name": "Every Body", "roles": ["technician", "quality_officer", "clinician"]}
    given |= {"new_password": PASSWORD, "must_change": False}
    World.accepted(run_act(installation, "add_person", given, SYSTEM, door="test", now=world.now))
    world.meet(EVERYBODY)
    world.may_sign(EVERYBODY)
    furnish(world)
    yield world
    installation.engine.dispose()


@pytest.fixture(scope="module")
def secrets(played: World) -> Secrets:
    return Secrets.of(played)


@pytest.mark.parametrize("who", [EVERYBODY, "otto", *(["ada", "tina"] if in_full() else [])])
def test_no_answer_tells_it(played: World, secrets: Secrets, tried: Callable[..., None], who: str) -> None:
    crawler = Crawler(played.installation, who, asked_with(played, whole=who == EVERYBODY or in_full()))
    found = []
    for rule in crawler.rules():
        for path, _ in crawler.addresses(rule) if rule.endpoint not in NOT_ASKED else ():
            found += [(path, told) for told in secrets.told(words(crawler.get(path)), path)]
    tried(len(crawler.asked), len(found), f"identities: {len(crawler.asked)} answers read by {who}")
    assert not found
    assert len(crawler.asked) > 300


def asked_with(world: World, *, whole: bool) -> Asked:
    """Codes of patients and of what is about them; on the whole, a code of every kind too."""
    asked, about = Asked.of(world.installation), ("subject", "dose", "weight")
    more = [
        code for kind in about for code in column(world.installation, f"SELECT code FROM {kind} LIMIT {OF_PATIENTS}")
    ]
    return replace(asked, codes=(*more, *(asked.codes if whole else ())))


def test_no_act_tells_it_but_one(played: World, secrets: Secrets, tried: Callable[..., None]) -> None:
    asked, found, told_by_one = 0, [], ""
    for name in catalogue.load():
        for given in islice(inputs(played, name), INPUTS_EACH):
            said = answer_of(played, name, given)
            asked += 1
            if name == TELLS_IT:
                told_by_one += said
            else:
                found += [(name, told) for told in secrets.told(said)]
    tried(asked, len(found))
    assert not found
    assert secrets.told(told_by_one)  # or nothing would have been found anywhere


def answer_of(world: World, name: str, given: dict[str, Any]) -> str:
    """What an act says, done or checked."""
    try:
        outcome = world.try_act(EVERYBODY, name, dry_run=name != TELLS_IT, **given)
    except Malformed as malformed:
        return str(malformed)
    return f"{outcome.result} {[one.detail for one in outcome.refusals]}"
