"""What was made beforehand: most tests begin with a lot, and a lot takes forty acts before it can be released.

The acts that make these stages are done once a run, in one database, and the database of every test module is a copy of
it. Who asks a factory for exactly such a stage gets one that nobody else has; who asks for another, or for more than
there are, has it made by the same acts.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import text

if TYPE_CHECKING:
    from cellbank.records.work import Actor
    from tests.factories.world import World

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Stock:
    """What the copies of a database hold: who is there, what everybody shares, and what waits to be taken."""

    people: dict[str, "Actor"] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    in_force: frozenset[str] = frozenset()

    def fits(self, world: "World") -> bool:
        """Whether what waits is what the acts would make: by the same people, under the same definitions."""
        return self.people.items() <= world.people.items() and self.in_force == _in_force(world)


def stocked(factory: Callable[Concatenate["World", P], R]) -> Callable[Concatenate["World", P], R]:
    """A factory that gives what was made beforehand, where exactly that waits."""

    @functools.wraps(factory)
    def give(world: "World", *args: P.args, **given: P.kwargs) -> R:
        waiting = world.stock.waiting.get(_wish(world, factory, args, given))
        if waiting and world.stock.fits(world):
            return waiting.pop(0)
        return factory(world, *args, **given)

    return give


def shared(factory: Callable[["World"], R]) -> Callable[["World"], R]:
    """A factory of one thing that everybody uses who does not care which."""

    @functools.wraps(factory)
    def give(world: "World") -> R:
        known = world.stock.shared
        if factory.__name__ not in known:
            known[factory.__name__] = factory(world)
        return known[factory.__name__]

    return give


def _in_force(world: "World") -> frozenset[str]:
    with world.installation.reads.connect() as connection:
        return frozenset(connection.scalars(text("SELECT code FROM definition WHERE state = 'EFFECTIVE'")))


def _wish(world: "World", factory: Callable[..., Any], args: tuple[Any, ...], given: dict[str, Any]) -> str:
    """What is asked for, the same however it is said: by name or by place, a default left out or given, at the time of
    the world or at none."""
    asked = inspect.signature(factory).bind(world, *args, **given)
    asked.apply_defaults()
    told = [(name, None if value == world.now else value) for name, value in asked.arguments.items() if name != "world"]
    return f"{factory.__name__} {told} at {world.now}"


def make_stock(world: "World") -> Stock:
    """Make what tests ask for most often; returns it, to be used in copies of this world's database only."""
    from tests.factories import clinic, doses, lots, production, quality, sites  # they need what is above

    wanted: list[tuple[int, Callable[..., Any], dict[str, Any]]] = [
        (16, production.donation, {}),
        (10, production.growing_culture, {}),
        (10, lots.box, {}),
        (6, lots.frozen_lot, {}),
        (4, lots.frozen_lot, {"vials": 1}),
        (4, lots.frozen_lot, {"vials": 3}),
        (6, lots.stored_lot, {"vials": 2}),
        (4, lots.stored_lot, {"vials": 3}),
        (4, lots.stored_lot, {}),
        (6, doses.product_lot, {}),
        (2, doses.product_lot, {"vials": 9}),
        (3, quality.released_lot, {"vials": 3}),
        (3, quality.released_lot, {}),
        (1, quality.released_lot, {"vials": 80}),
        (8, clinic.enrolled_subject, {}),
        (10, doses.weighed_subject, {}),
        (8, doses.ordered_dose, {}),
        (2, doses.counted_dose, {}),
        (8, doses.prepared_dose, {}),
        (4, sites.second_site, {}),
    ]
    doses.dewar(world)
    waiting = {
        _wish(world, factory, (), given): [factory(world, **given) for _ in range(count)]
        for count, factory, given in wanted
    }
    return Stock(dict(world.people), dict(world.stock.shared), waiting, _in_force(world))
