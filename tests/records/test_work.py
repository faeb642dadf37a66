"""The unit of work: nothing before the judgement, and only what the table allows."""

import pytest
from sqlalchemy.orm import Session

from cellbank.records.production import Donor
from cellbank.records.work import Work
from cellbank.services.installation import Installation
from tests.factories.world import World


def test_nothing_is_written_before_the_judgement(installation: Installation, world: World) -> None:
    donor = Donor(site_id=1, code="DR", pseudonym=world.unique("D"), birth_year=1990)
    with Session(installation.engine) as session:
        work = Work(session, world.people["tina"], "register_donor", "Register a donor", world.now, act_id=1)
        with pytest.raises(RuntimeError, match="before it has judged"):
            work.add(donor)
        session.add(donor)
        with pytest.raises(RuntimeError, match="before it has judged"):
            session.flush()


def test_a_move_that_the_table_does_not_have_is_a_bug(installation: Installation, world: World) -> None:
    with Session(installation.engine) as session:
        work = Work(session, world.people["tina"], "register_donor", "Register a donor", world.now, act_id=1)
        work.judge(Donor)
        with pytest.raises(RuntimeError, match="no single row"):
            work.add(Donor(site_id=1, code="DR", pseudonym="x", birth_year=1990), to="ELIGIBLE")
