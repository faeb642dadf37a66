"""How many small faults in `cellbank/domain` its tests notice: each one is made, and the tests that come near are run.

    python -m tools.mutate [--sample 300] [--seed 1] [--only PART_OF_A_PATH] [what pytest takes]

A fault is made within a function: a comparison is turned or moved by one, `and` is `or`, a `not` is dropped, a number
is one more, a branch is always or never taken. The code of the running function is exchanged for it, in a process of
its own for each, and the tests that ever call the function are run until one fails. What stands outside of functions
(tables, models) is not touched: the tests of those are their own lists. Prints what nobody noticed; the exit status is
1 when the score is below `--least`.
"""

import argparse
import ast
import copy
import gc
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FrameType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).parent.parent
DOMAIN = ROOT / "cellbank" / "domain"
SECONDS = 60  # for the tests of one fault: whoever needs more runs in circles
TURNED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div}
Key = tuple[str, int, str]  # a function: its file, its first line, its name


@dataclass(frozen=True)
class Fault:
    """One change of the node with this number, in this function of a file."""

    path: Path
    function: str
    node: int
    kind: str
    line: int

    def __str__(self) -> str:
        source = self.path.read_text(encoding="utf-8").splitlines()[self.line - 1].strip()
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.kind}: {source}"


def faults_in(path: Path) -> Iterator[Fault]:
    """Every fault that can be made in the functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    numbers = {node: number for number, node in enumerate(ast.walk(tree))}
    for name, function in functions_of(tree):
        skipped = {part for one in _said(function) for part in ast.walk(one)}
        for node in (one for statement in function.body for one in ast.walk(statement)):
            for kind in [] if node in skipped else kinds_of(node):
                yield Fault(path, name, numbers[node], kind, getattr(node, "lineno", function.lineno))


def functions_of(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and of its classes, each with its qualified name; not those within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield inside + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{inside}{node.name}.")


def _said(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What only words and types depend on: annotations, and what follows a format in an f-string."""
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FormattedValue) and node.format_spec:
            yield node.format_spec


def kinds_of(node: ast.AST) -> list[str]:
    """The faults that can be made of one node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            return ["turned"] + (["moved"] if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) else [])
        case ast.BoolOp():
            return ["and is or"]
        case ast.UnaryOp(op=ast.Not()):
            return ["no not"]
        case ast.BinOp(op=op) if type(op) in COUNTED and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            return ["counted otherwise"]
        case ast.Constant(value=bool()):
            return ["the other answer"]
        case ast.Constant(value=int()):
            return ["one more"]
        case ast.If() | ast.IfExp():
            return ["always", "never"]
        case ast.comprehension(ifs=[_, *_]):
            return ["all of them"]
    return []


def made(fault: Fault) -> CodeType:
    """The module of a fault, compiled with it."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    node = next(node for number, node in enumerate(ast.walk(tree)) if number == fault.node)
    _change(node, fault.kind)
    return compile(ast.fix_missing_locations(tree), str(fault.path), "exec")


def _change(node: ast.AST, kind: str) -> None:
    match node:
        case ast.Compare():
            turned = TURNED[type(node.ops[0])]()
            opposite = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
            node.ops = [turned if kind == "moved" else opposite.get(type(node.ops[0]), TURNED[type(node.ops[0])])()]
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [copy.copy(node.operand)], [])
            node.op = ast.UAdd()
        case ast.BinOp():
            node.op = COUNTED[type(node.op)]()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int(number)):
            node.value = number + 1
        case ast.If() | ast.IfExp():
            node.test = ast.Constant(kind == "always")
        case ast.comprehension():
            node.ifs = []


def codes_of(code: CodeType) -> Iterator[CodeType]:
    """The codes of functions that stand in a module or a class."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from codes_of(part)


def put_in(code: CodeType) -> None:
    """Exchange the code of the running function, and forget what functions of the domain remember."""
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and _key(thing.__code__) == _key(code):
            thing.__code__ = code
        elif isinstance(thing, _lru_cache_wrapper) and str(DOMAIN) in getattr(thing, "__code__", code).co_filename:
            thing.cache_clear()


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_firstlineno, code.co_qualname


class Mutation:
    """A plugin that runs the collected tests once to learn what they call, and then some of them for each fault."""

    def __init__(self, sample: int, seed: int, only: str) -> None:
        faults = [fault for path in sorted(DOMAIN.rglob("*.py")) for fault in faults_in(path) if only in str(path)]
        chance = random.Random(seed)
        self.faults = chance.sample(faults, min(sample, len(faults))) if sample else faults
        self.of = len(faults)
        self.near: dict[Key, list[pytest.Item]] = defaultdict(list)
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
        self._learn(session.items)
        for number, fault in enumerate(self.faults, 1):
            (self.noticed if self._is_noticed(fault) else self.unnoticed).append(fault)
            if number % 25 == 0:
                print(f"{number} of {len(self.faults)}, {len(self.unnoticed)} unnoticed", flush=True)
        return True

    def _learn(self, items: list[pytest.Item]) -> None:
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

    def _is_noticed(self, fault: Fault) -> bool:
        """Whether a test fails, or does not come back; in a process of its own."""
        code = next(one for one in codes_of(made(fault)) if one.co_qualname == fault.function)
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            put_in(code)
            os._exit(int(any(run(item) for item in self.near[_key(code)])))
        return os.waitpid(child, 0)[1] != 0


def _hearer(called: set[Key]) -> Callable[[FrameType, str, object], None]:
    def hear(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(DOMAIN)):
            called.add(_key(frame.f_code))

    return hear


def run(item: pytest.Item, hear: Callable[[FrameType, str, object], None] | None = None) -> bool:
    """Run one test, set up and torn down; whether it fails."""
    sys.setprofile(hear)
    try:
        return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    finally:
        sys.setprofile(None)


def main() -> int:
    """Make the faults and print the score."""
    parser = argparse.ArgumentParser(prog="tools.mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="so many faults; 0: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults in files with this in their path")
    parser.add_argument("--least", type=float, default=92, help="per cent that have to be noticed")
    given, others = parser.parse_known_args()
    where = [] if any(Path(other.partition("::")[0]).exists() for other in others) else [str(ROOT / "tests" / "domain")]
    mutation = Mutation(given.sample, given.seed, given.only)
    ways = ["-n", "0", "--noconftest", "-q", "-p", "no:cacheprovider"]
    status = pytest.main([*ways, *others, *where], plugins=[mutation])
    score = 100 * len(mutation.noticed) / max(1, len(mutation.noticed) + len(mutation.unnoticed))
    print(*sorted(map(str, mutation.unnoticed)), sep="\n")
    print(f"{score:.1f} % of {len(mutation.faults)} faults (of {mutation.of} that there are) are noticed")
    return int(status) or int(score < given.least)


if __name__ == "__main__":
    sys.exit(main())
