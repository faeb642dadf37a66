"""Make the faults, in both stages, and print the scores."""

import argparse
import random
import sys

import pytest

from . import __doc__ as how
from .equivalent import EQUIVALENT
from .faults import ROOT, Fault, all_faults
from .stages import DomainStage, ServiceStage, Stage

ALONE = ["-n", "0", "-q", "-p", "no:cacheprovider"]


def main() -> int:
    """Make the faults and print the scores; the exit status is 1 when one is below what it has to be."""
    parser = argparse.ArgumentParser(prog="tools.mutate", description=(how or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="so many faults; 0: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults in files with this in their path")
    parser.add_argument("--domain-only", action="store_true", help="the first stage alone")
    parser.add_argument("--least", type=float, default=92, help="per cent that tests of the domain have to notice")
    parser.add_argument("--least-of-all", type=float, default=97, help="per cent that one of all tests has to notice")
    given, others = parser.parse_known_args()
    faults, of = chosen(given.sample, given.seed, given.only)
    status, domain = _run(DomainStage(faults), "tests/domain", ["--noconftest", *others])
    if status:
        return status
    _print("not noticed by tests of the domain", domain.unnoticed)
    low = _scored(faults, of, given, domain.unnoticed, given.least, "are noticed by tests of the domain")
    if given.domain_only or not domain.unnoticed:
        return low
    status, services = _run(ServiceStage(domain.unnoticed), "tests/services", ["-p", "no:compliance", *others])
    if status:
        return status
    _print("noticed by nobody", services.unnoticed)
    return _scored(faults, of, given, services.unnoticed, given.least_of_all, "with those of the services") or low


def chosen(sample: int, seed: int, only: str) -> tuple[list[Fault], int]:
    """So many of the faults that make a difference, and of how many."""
    every = all_faults()
    if gone := EQUIVALENT.keys() - {fault.name for fault in every}:
        raise SystemExit("No such fault any more:\n  " + "\n  ".join(sorted(gone)))
    faults = [fault for fault in every if only in str(fault.path) and fault.name not in EQUIVALENT]
    return random.Random(seed).sample(faults, min(sample or len(faults), len(faults))), len(faults)


def _run(stage: Stage, where: str, ways: list[str]) -> tuple[int, Stage]:
    """Let a stage have its tests."""
    return int(pytest.main([*ALONE, *ways, str(ROOT / where)], plugins=[stage])), stage


def _scored(
    faults: list[Fault], of: int, given: argparse.Namespace, missed: list[Fault], least: float, by_whom: str
) -> int:
    """Print a score; 1 when it is too low."""
    score = 100 * (1 - len(missed) / max(1, len(faults)))
    print(f"{score:.1f} % {by_whom}: {len(faults)} faults of {of} (seed {given.seed})", flush=True)
    return int(score < least)


def _print(title: str, faults: list[Fault]) -> None:
    print(f"\n{title}: {len(faults)}")
    for fault in sorted(faults, key=lambda one: (one.path, one.line, one.node)):
        print(f"  {fault.place}: {fault.name.partition(' ')[2]}")


if __name__ == "__main__":
    sys.exit(main())
