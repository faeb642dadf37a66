"""The command line: `cellbank COMMAND`. Exit status 0 when done, 1 when refused, 2 for wrong use.

Answers go to standard output, reasons and problems to standard error, one clear sentence each.
"""

import argparse
import sys
from collections.abc import Sequence

from cellbank.cli import definitions, doing, keys, outbox, readings, serving, trail
from cellbank.cli.shared import Stop, WrongUse
from cellbank.config.key_file import ConfigProblem
from cellbank.outside.embedded_place import EmbeddedPostgresProblem
from cellbank.services.acts import VERSION, Malformed, Problem
from cellbank.services.start import DatabaseProblem, SchemaProblem

REFUSED, WRONG_USE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    given = parser().parse_args(arguments)
    try:
        given.run(given)
    except ConfigProblem as problem:
        return _say(WRONG_USE, *problem.problems)
    except Malformed as malformed:
        return _say(WRONG_USE, *(_told(problem) for problem in malformed.problems))
    except WrongUse as problem:
        return _say(WRONG_USE, *problem.sentences)
    except Stop as problem:
        return _say(REFUSED, *problem.sentences)
    except (EmbeddedPostgresProblem, SchemaProblem, DatabaseProblem) as problem:
        return _say(REFUSED, str(problem))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _told(problem: Problem) -> str:
    """A problem in a line; with the answers that a question can have."""
    answers = [f"{problem.asks.field}={one.value}" for one in problem.asks.choices] if problem.asks else []
    return f"{problem.field}: {problem.message}" + (f" ({', '.join(answers)})" if answers else "")


def _say(status: int, *sentences: str) -> int:
    for sentence in sentences:
        print(f"cellbank: {sentence}", file=sys.stderr)
    return status


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="cellbank", description="From the donor to the patient. Settings are CELLBANK_* environment variables."
    )
    top.add_argument("--version", action="version", version=VERSION)
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (
        serving.add_commands,
        doing.add_commands,
        trail.add_commands,
        definitions.add_commands,
        readings.add_commands,
        keys.add_commands,
        outbox.add_commands,
    ):
        add(commands)
    return top
