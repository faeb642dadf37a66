"""The shipped protocol and specification, in force."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.people import Definition
from cellbank.services.quality.definitions import shipped
from tests.factories.world import World

# The tests of one run share a database, and enrol more patients than any trial plans.
MANY = ("planned_subjects = 30", "planned_subjects = 100_000")


def in_force(world: World) -> None:
    """Import the shipped definitions, with room for many subjects, and make them effective, once in a database."""
    with Session(world.installation.reads) as session:
        states = dict(session.execute(select(Definition.code, Definition.state)).all())
    for definition in shipped():
        if definition.code not in states:
            world.do("quinn", "import_definition", type=definition.type, content=definition.content.replace(*MANY))
        if states.get(definition.code, "IMPORTED") == "IMPORTED":
            world.do("oksana", "make_effective", definition=definition.code)
