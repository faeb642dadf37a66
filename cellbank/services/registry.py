"""The registry of acts: each is one input model, one function and its rows in the transition table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cellbank.domain.lifecycle import asks_password, is_signed, roles_for, tells
from cellbank.records.work import Work
from cellbank.services.parsing import ActInput, ProvedInput, SignedInput, TellingInput


@dataclass(frozen=True)
class RegisteredAct:
    """One act: its name, its title for people, its input model and the function that does it."""

    name: str
    title: str
    input: type[ActInput]
    function: Callable[[Work, Any], Any]
    area: str  # its shelf among the services: the group under which pages and documents list it


class UnknownAct(Exception):
    """There is no act of this name."""


F = TypeVar("F", bound=Callable[..., Any])
REGISTRY: dict[str, RegisteredAct] = {}


def act(model: type[ActInput]) -> Callable[[F], F]:
    """Register the function that does what `model` describes. The model's docstring is the act's title."""

    def register(function: F) -> F:
        name = function.__name__
        proves = issubclass(model, SignedInput), issubclass(model, ProvedInput)
        fits = proves == (is_signed(name), asks_password(name)) and issubclass(model, TellingInput) == tells(name)
        if name in REGISTRY or not fits or not roles_for(name):
            raise RuntimeError(f"{name} does not fit the transition table (rows, roles, signature, or what it tells)")
        title = (model.__doc__ or "").strip().splitlines()[0].rstrip(".")
        REGISTRY[name] = RegisteredAct(name, title, model, function, _area(function.__module__))
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
