"""The two stages: which tests call the function of a fault, and whether one of them fails with it."""

import builtins
import os
import pickle
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol

from .faults import DOMAIN, Fault, Key, function_of, key_of, made, put_in, telling

SECONDS = 60  # for the tests of one fault: whoever needs more runs in circles
BUDGET = 40.0  # seconds of service tests for one fault, as they took without it
Near = tuple[float, str]  # seconds, name of a test


class Stage:
    """A plugin that runs tests for each fault, instead of each test once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = faults
        self.noticed: list[Fault] = []
        self.unnoticed: list[Fault] = []

    def pytest_configure(self) -> None:
        """What fails is not made smaller first, and nothing is left to chance."""
        from hypothesis import Phase, settings  # after pytest, which has to see it come

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("mutate", phases=phases, derandomize=True, database=None, deadline=None)
        settings.load_profile("mutate")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of the tests themselves."""
        if session.testsfailed:  # what could not be collected would be missed by nobody
            raise session.Interrupted(f"{session.testsfailed} files of tests cannot be read")
        self.learn(session.items)
        for number, fault in enumerate(self.faults, 1):
            (self.noticed if self.is_noticed(fault) else self.unnoticed).append(fault)
            if number % 25 == 0:
                print(f"{number} of {len(self.faults)}, {len(self.unnoticed)} unnoticed", flush=True)
        return True

    def learn(self, items: Sequence[pytest.Item]) -> None:
        """Find out which tests call the functions."""
        raise NotImplementedError

    def is_noticed(self, fault: Fault) -> bool:
        """Whether a test fails with it, or does not come back."""
        raise NotImplementedError


class DomainStage(Stage):
    """Every test of the domain that calls the function, the quickest first."""

    def learn(self, items: Sequence[pytest.Item]) -> None:
        self.near: dict[Key, list[pytest.Item]] = defaultdict(list)
        took = {}
        for item in items:
            called: set[Key] = set()
            since = time.monotonic()
            failed = run(item, _hearer(called))
            assert not failed, f"{item.nodeid} fails without any fault"
            took[item] = time.monotonic() - since
            for key in called:
                self.near[key].append(item)
        for near in self.near.values():
            near.sort(key=lambda item: took[item])

    def is_noticed(self, fault: Fault) -> bool:
        code = made(fault)

        def fails() -> bool:
            put_in([code])
            return any(run(item) for item in self.near[key_of(code)])

        return aside(fails)


class ServiceStage(Stage):
    """Service tests that call the function, the quickest first, as long as the budget lasts.

    The server of the databases runs once, here; each module of tests has its database anew, in the process of its own.
    """

    def learn(self, items: Sequence[pytest.Item]) -> None:
        self.items = {item.nodeid: item for item in items}
        modules = [list(group) for _, group in groupby(items, key=_module)]
        runtestprotocol(modules[0][0], log=False, nextitem=modules[-1][0])  # what lasts for the whole run
        self.near: dict[str, list[Near]] = defaultdict(list)
        heard: set[str] = set()
        builtins.heard = heard.add  # type: ignore[attr-defined]
        put_in({function_of(fault): telling(fault) for fault in self.faults}.values())
        for number, module in enumerate(modules, 1):
            with TemporaryFile() as file:

                def listen(tests: Iterable[pytest.Item] = module, told: object = file) -> bool:
                    pickle.dump(_listened(list(tests), heard), told)  # type: ignore[arg-type]
                    told.flush()  # type: ignore[attr-defined]
                    return False

                if not aside(listen, seconds=10 * SECONDS):
                    file.seek(0)
                    self._note(pickle.load(file))
            if number % 10 == 0:
                print(f"{number} of {len(modules)} modules of service tests heard", flush=True)

    def _note(self, listened: dict[str, tuple[float, set[str]]]) -> None:
        for name, (seconds, called) in listened.items():
            for function in called:
                self.near[function].append((seconds, name))

    def is_noticed(self, fault: Fault) -> bool:
        code, tests = made(fault), self._chosen(function_of(fault))

        def fails() -> bool:
            put_in([code])
            return any(failed for _, failed in in_a_row(tests))

        return aside(fails, seconds=2 * SECONDS)

    def _chosen(self, function: str) -> list[pytest.Item]:
        """Those that come near within the budget, module by module, for each module has a database to be made."""
        left, chosen = BUDGET, []
        for seconds, name in sorted(self.near[function]):
            left -= seconds
            if left < 0:
                break
            chosen.append(self.items[name])
        modules = list(dict.fromkeys(map(_module, chosen)))
        return sorted(chosen, key=lambda item: modules.index(_module(item)))


def _module(item: pytest.Item) -> Path:
    return item.path


def _listened(items: list[pytest.Item], heard: set[str]) -> dict[str, tuple[float, set[str]]]:
    """How long each test of a module takes and what it calls; those that fail by themselves are left out."""
    found, since = {}, time.monotonic()
    heard.clear()
    for item, failed in in_a_row(items):
        if not failed:
            found[item.nodeid] = time.monotonic() - since, set(heard)
        heard.clear()
        since = time.monotonic()
    return found


def in_a_row(items: Sequence[pytest.Item]) -> Iterable[tuple[pytest.Item, bool]]:
    """Run tests one after the other and tell whether each failed. What lasts for the whole run is not torn down."""
    for item, following in pairwise([*items, *items[:1]]):
        reports = runtestprotocol(item, log=False, nextitem=following)
        yield item, any(report.failed for report in reports)


def aside(fails: Callable[[], bool], seconds: int = SECONDS) -> bool:
    """Whether something fails, or does not come back; in a process of its own."""
    child = os.fork()
    if not child:
        signal.alarm(seconds)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os._exit(int(fails()))
    return os.waitpid(child, 0)[1] != 0


def _hearer(called: set[Key]) -> Callable[[FrameType, str, object], None]:
    def hear(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(DOMAIN)):
            called.add(key_of(frame.f_code))

    return hear


def run(item: pytest.Item, hear: Callable[[FrameType, str, object], None] | None = None) -> bool:
    """Run one test, set up and torn down; whether it fails."""
    sys.setprofile(hear)
    try:
        return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    finally:
        sys.setprofile(None)
