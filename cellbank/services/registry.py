"""The registry of acts: each is one input model, one function and its rows in the transition table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import asks_password, is_signed, roles_for, tells
from cellbank.records.work import Work
from cellbank.services.parsing import ActInput, ProvedInput, SignedInput, TellingInput

# How likely somebody with a scanner in hand has come for an act. Rarely: right, but it ends or undoes something. In
# sight, though not first: it stops or uses up something, and a stop must be quick. About the box: it takes vials, but
# nobody begins it with a vial in hand.
Likely = Literal["rarely", "in sight", "prints", "about the box"]
# Where a refusal is a near miss, in the order in which a dose comes there.
Stage = Literal["Picking", "Thawing", "Preparing", "Bedside", "Scanner"]


@dataclass(frozen=True, eq=False)  # there is one of each
class RegisteredAct:
    """One act: its name, its title for people, its input model and the function that does it."""

    name: str
    title: str
    input: type[ActInput]
    function: Callable[[Work, Any], Any]
    area: str  # under which pages list it: its shelf among the services
    # What nobody but a door may ask for: it has itself proved or shown what the act notes. With a stolen key another
    # program could otherwise give the account a password or a second factor, or agree to what nobody has read.
    at_the_door: bool = False
    is_page: bool = True  # people ask for it by its form
    likely: Likely | None = None  # None: its moves tell
    of_shippers: bool | None = None  # begun with a shipper in hand, or with any other unit of the cold store
    begun_by: Mapping[str, int] = field(default_factory=dict)  # a button of the role's home page, and its place there
    stage: Stage | None = None  # a refusal of it is a near miss at this stage
    previews: str | None = None  # it stops lots from a record of this kind: its page shows what that would touch
    second_open: bool = False  # the fields of a second person stand open on its page
    judges_identity: bool = False  # it compares who a patient is: whoever guesses waits

    @property
    def is_asked_for(self) -> bool:
        """Whether people and programs can ask for it: with the others a door or the installation notes something."""
        return not self.at_the_door and roles_for(self.name) != {Role.SYSTEM}

    @property
    def has_page(self) -> bool:
        """Whether people do it on a page of its own."""
        return self.is_page and self.is_asked_for


class UnknownAct(Exception):
    """There is no act of this name."""


def _misfits(name: str, model: type[ActInput]) -> Iterator[tuple[bool, str]]:
    """What may be wrong between an act and the tables of the domain, and where to look."""
    yield name in REGISTRY, "another act has this name"
    yield not roles_for(name), "no row of the table of transitions (domain/lifecycle/) names it"
    proves = issubclass(model, SignedInput), issubclass(model, ProvedInput)
    asked = is_signed(name), asks_password(name)
    yield proves != asked, f"signature, password: its input asks {proves}, its rows in domain/lifecycle/ say {asked}"
    yield issubclass(model, TellingInput) != tells(name), "it tells a fact: by its input or by domain/telling.py alone"


F = TypeVar("F", bound=Callable[..., Any])
REGISTRY: dict[str, RegisteredAct] = {}


def act(model: type[ActInput], *, area: str | None = None, **how: Any) -> Callable[[F], F]:
    """Register the function that does what `model` describes. The model's docstring is the act's title; `how` is what
    pages know of it besides (`RegisteredAct`)."""

    def register(function: F) -> F:
        name = function.__name__
        for is_wrong, where in _misfits(name, model):
            if is_wrong:
                raise RuntimeError(f"{name}: {where}")
        title = (model.__doc__ or "").strip().splitlines()[0].rstrip(".")
        REGISTRY[name] = RegisteredAct(name, title, model, function, area or _area(function.__module__), **how)
        return function

    return register


def _area(module: str) -> str:
    """cellbank.services.storage.moves is of storage."""
    return module.removeprefix("cellbank.services.").partition(".")[0]


def find_act(name: str) -> RegisteredAct:
    """The act of this name. Raises UnknownAct."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise UnknownAct(name) from None


def title_of(name: str) -> str:
    """An act's title, also of one that is no longer in the table."""
    return REGISTRY[name].title if name in REGISTRY else name.replace("_", " ").capitalize()
