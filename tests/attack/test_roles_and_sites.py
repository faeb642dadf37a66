"""Nobody does an act of another role, and nobody acts on a record of another site: every act of the registry, by every
role that the table does not name, and with a record of every kind that it takes, in every state."""

import random
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from sqlalchemy import text

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services import catalogue
from cellbank.services.installation import server_time
from cellbank.services.people.actors import actor_by_name
from tests.attack.every_act import furnish, inputs, scanned
from tests.attack.size import sized
from tests.conftest import StoryInstallation
from tests.factories.people import newcomer
from tests.factories.sites import second_site
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R4")

PEOPLE = {
    Role.TECHNICIAN: "tina",
    Role.QUALITY_OFFICER: "quinn",
    Role.CLINICIAN: "clara",
    Role.ADMINISTRATOR: "ada",
    Role.AUDITOR: "otto",
}
STRANGER = "stranger"  # of another site, with every role of who works there
INPUTS_EACH = sized(1, 100)  # of a role and an act
EVERY_ACT = sorted(catalogue.load())
# What may be done with a record of another site, and how it is answered; all else says only that it is of another site.
CROSSES = {
    "hold_lot": {"accepted", "WRONG_STATE"},  # a stop is everybody's duty
    "open_deviation": {"accepted"},  # whoever sees something writes it down; the deviation is of their own site
    "review_trail": {"SAME_PERSON", "NOT_FOUND"},  # the acts are of one's own site
}
# Acts that take no code of a record: they are about a name, about whoever acts, or make something new. Who adds an act
# says here that it is one, or it is swept.
ABOUT_NO_RECORD = {
    "accept_agreement", "add_person", "add_shipper", "add_site", "change_address", "change_my_address",
    "change_password", "change_roles", "change_sites", "configure_site", "confirm_second_factor", "create_token",
    "disable_person", "end_session", "enrol_subject", "hand_over_code", "import_definition", "import_results",
    "look_for_silence", "make_effective", "note_wrong_password", "print_commands", "receive_reagent",
    "record_training", "register_donor", "report_unreadable_scan", "reset_password", "reset_second_factor",
    "revoke_token", "set_up_second_factor", "sign_in", "sign_out", "unlock_person",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(
    story_installation: StoryInstallation, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[World]:
    """The bank of the story, with the stranger."""
    installation = story_installation(f"every_act_{worker_id}", tmp_path_factory.mktemp("every_act"))
    world = World(installation, random.Random(4), server_time())
    there = second_site(world)
    stranger = newcomer(world, "technician", "quality_officer", "clinician", site=there.code)
    world.may_sign(stranger)
    furnish(world)
    actor = actor_by_name(installation, stranger, there.code)
    assert actor is not None and actor.site_code == there.code
    world.people[STRANGER] = actor
    yield world
    installation.engine.dispose()


def test_every_act_is_swept_or_said_to_be_about_no_record() -> None:
    assert {name for name in EVERY_ACT if not scanned(name)} == ABOUT_NO_RECORD
    assert set(EVERY_ACT) >= CROSSES.keys()


def test_no_act_is_done_by_another_role(played: World, tried: Callable[..., None]) -> None:
    pairs, acts, found = 0, [], []
    for name in EVERY_ACT:
        asked_with = list(islice(inputs(played, name), INPUTS_EACH))
        for role in PEOPLE.keys() - roles_for(name):
            pairs += 1
            for given in asked_with:
                outcome = played.try_act(PEOPLE[role], name, **given)
                acts.append(outcome.act)
                if "ROLE_NOT_ALLOWED" not in {one.code.value for one in outcome.refusals}:
                    found.append((name, role, given, outcome.refusals))
    with played.installation.reads.connect() as connection:
        changed = connection.scalars(text("SELECT act_id FROM change WHERE act_id = ANY(:acts)"), {"acts": acts}).all()
    note = f"roles: {len(EVERY_ACT)} acts, {pairs} pairs of a role and an act that is not its own"
    tried(len(acts), len(found) + len(changed), note)
    assert not found and not changed, sorted({one[0] for one in found})
    assert pairs > 3 * len(EVERY_ACT)  # most acts are of one role or two


def test_no_act_touches_a_record_of_another_site(played: World, tried: Callable[..., None]) -> None:
    asked, found = 0, []
    swept = [name for name in EVERY_ACT if name not in ABOUT_NO_RECORD]
    for name in swept:
        for given in inputs(played, name):
            outcome = played.try_act(STRANGER, name, dry_run=True, **given)
            said = {one.code.value for one in outcome.refusals} or {"accepted"}
            asked += 1
            # It is the only reason: any other would tell what is not theirs to see.
            if said != {"OTHER_SITE"} and not said <= CROSSES.get(name, set()):
                found.append((name, given, outcome.refusals))
    tried(asked, len(found), f"sites: {len(swept)} acts with {asked} records of another site")
    assert not found, sorted({one[0] for one in found})
