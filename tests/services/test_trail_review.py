"""The review of the trail is an act: signed, without a gap, and nobody reviews what they did themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from cellbank.domain.lifecycle.roles import Role
from cellbank.services.installation import Installation
from cellbank.services.lookup.work import worklists
from cellbank.services.trail import trail_review
from cellbank.services.trail.history import signatures
from tests.conftest import Furnished
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5")
FINDINGS = "Read act by act; nothing to remark."


@pytest.fixture
def quiet(furnished: Furnished, tmp_path: Path) -> Iterator[World]:
    """A bank of its own: nobody else adds to its trail."""
    with furnished.world("trail_review", tmp_path) as world:
        yield world


def newest(installation: Installation) -> int:
    with installation.reads.connect() as connection:
        return connection.scalar(text("SELECT max(id) FROM act"))


def test_a_review_is_signed_and_the_next_one_begins_after_it(quiet: World) -> None:
    installation = quiet.installation
    before = trail_review.standing(installation)
    assert before.unread is not None and before.unread.first_act == 1 and before.reviews == ()
    last = newest(installation)
    made = quiet.do("quinn", "review_trail", first_act=1, last_act=last, findings=FINDINGS)
    assert [(s.person, s.meaning, s.is_void) for s in signatures(installation, "trail_review", made["code"])] == [
        ("Quinn Quality", "reviewed", False)
    ]
    after = trail_review.standing(installation)
    assert after.unread is not None and after.unread.first_act == last + 1 and after.unread.count == 1
    assert [(r.first_act, r.last_act, r.person) for r in after.reviews] == [(1, last, "Quinn Quality")]
    quiet.do("tina", "register_donor", pseudonym=quiet.unique("D"), birth_year=1990)
    assert quiet.codes(
        "quinn", "review_trail", first_act=last + 2, last_act=newest(installation), findings=FINDINGS
    ) == ["OUT_OF_ORDER"]
    assert quiet.codes("quinn", "review_trail", first_act=last, last_act=newest(installation), findings=FINDINGS) == [
        "ALREADY_EXISTS"
    ]
    quiet.do("quinn", "review_trail", first_act=last + 1, last_act=newest(installation), findings=FINDINGS)


def test_own_acts_wait_for_another_officer(quiet: World) -> None:
    installation = quiet.installation
    last = newest(installation)
    quiet.do("quinn", "review_trail", first_act=1, last_act=last, findings=FINDINGS)
    (own,) = trail_review.standing(installation).own  # Quinn has imported the definitions
    assert own.person == "Quinn Quality" and own.count > 0 and own.last_act <= last
    assert quiet.codes("quinn", "review_trail", first_act=last + 1, last_act=last + 1, findings=FINDINGS) == [
        "SAME_PERSON"
    ]
    quiet.do("oksana", "review_trail", first_act=own.first_act, last_act=own.last_act, findings=FINDINGS)
    assert trail_review.standing(installation).own == ()
    assert quiet.codes("oksana", "review_trail", first_act=1, last_act=2, findings=FINDINGS) == ["SAME_PERSON"]


def test_the_acts_of_one_record_are_reviewed_by_themselves(quiet: World) -> None:
    donor = quiet.do("tina", "register_donor", pseudonym=quiet.unique("D"), birth_year=1990)["code"]
    first = newest(quiet.installation)
    quiet.do("tina", "record_consent", donor=donor, version="3", scope="clinical_use", given_on="2026-03-01")
    last = newest(quiet.installation)
    assert quiet.codes("quinn", "review_trail", record=donor, first_act=last, last_act=last, findings=FINDINGS) == [
        "OUT_OF_ORDER"
    ]
    quiet.do("quinn", "review_trail", record=donor, first_act=first, last_act=last, findings=FINDINGS)
    assert trail_review.standing(quiet.installation).unread.first_act == 1  # the whole trail is not reviewed by that


def test_only_a_quality_officer_reviews_and_only_with_the_password(quiet: World) -> None:
    given = {"first_act": 1, "last_act": 3, "findings": FINDINGS}
    assert quiet.codes("tina", "review_trail", **given)[0] == "ROLE_NOT_ALLOWED"
    assert quiet.codes("otto", "review_trail", **given)[0] == "ROLE_NOT_ALLOWED"
    assert quiet.codes("quinn", "review_trail", **given, password="not this one") == ["SIGNATURE_WRONG"]


@pytest.mark.the_database_refuses("a_review_of_the_trail_leaves_no_gap", "nobody_reviews_the_same_acts_twice")
def test_the_database_leaves_no_gap_either(quiet: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_review, "stretch_refusals", lambda facts: ())
    last = newest(quiet.installation)
    assert quiet.codes("quinn", "review_trail", first_act=3, last_act=last, findings=FINDINGS) == ["OUT_OF_ORDER"]
    quiet.do("quinn", "review_trail", first_act=1, last_act=last, findings=FINDINGS)
    assert quiet.codes("quinn", "review_trail", first_act=last, last_act=last + 1, findings=FINDINGS) == [
        "ALREADY_EXISTS"
    ]


def test_the_worklist_says_since_when(quiet: World) -> None:
    lists = worklists(quiet.installation, frozenset({Role.QUALITY_OFFICER}), quiet.now)
    (item,) = next(one for one in lists if one.name == "trail").items
    assert item.code == "1" and item.title.startswith("Not reviewed since ") and item.act == "review_trail"
    assert item.due is not None
