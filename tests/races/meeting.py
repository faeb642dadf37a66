"""How the races are staged: both people come to the same point before either goes on, with or without what keeps them
apart. A lock may keep one of them out; the other then waits no longer than `patience_s`."""

import contextlib
import threading
from typing import Any

import pytest

from cellbank.records.work import Work


def meet_after(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, patience_s: float = 0.5) -> threading.Barrier:
    """Let both come out of `where.name` before either goes on. The barrier is broken afterwards if they never met."""
    both, whole = threading.Barrier(2), getattr(where, name)

    def wait_for_the_other(*given: Any, **named: Any) -> Any:
        found = whole(*given, **named)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=patience_s)
        return found

    monkeypatch.setattr(where, name, wait_for_the_other)
    return both


MUST_MEET_S = 30.0  # where nothing keeps the two apart: they meet at once, or the machine is very busy


def judge_together(monkeypatch: pytest.MonkeyPatch, patience_s: float = 0.5) -> threading.Barrier:
    """Let both come out of the judgement before either writes."""
    return meet_after(monkeypatch, Work, "judge", patience_s)


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody lock a row that it looks at."""
    monkeypatch.setattr(Work, "_locking", lambda work, statement: statement.execution_options(populate_existing=True))
