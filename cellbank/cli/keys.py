"""The keys of the bedside without a network: which there are, and a new pair in their place. Asks no database."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellbank import config
from cellbank.cli.shared import Stop, add_command
from cellbank.domain.wall import on_the_wall
from cellbank.outside.bedside_keys import FILE, KeyProblem, Keys, Pair, add_pair, kept_keys
from cellbank.services.installation import server_time


def add_commands(commands: Any) -> None:
    """keys list, keys new."""
    kinds = commands.add_parser("keys", help="The keys of the bedside without a network.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add_command(kinds, "list", run_list, "Say which pairs of keys there are, and what each is still for.")
    new = add_command(kinds, "new", run_new, "Sign with a new pair from now on; what was signed before holds on.")
    new.add_argument(
        "--distrust", action="store_true", help="a key may be known to others: believe nothing that was signed before"
    )


def run_list(given: argparse.Namespace) -> None:
    """A line for each pair, the newest last."""
    folder = _folder()
    _print(_asked(lambda: kept_keys(folder)))


def run_new(given: argparse.Namespace) -> None:
    """Add a pair, and say what becomes of the others."""
    folder = _folder()
    _print(_asked(lambda: add_pair(folder, server_time(), distrust=given.distrust)))
    print(f"Save {folder / FILE}, and copy it to every machine that runs the application; none has to be restarted.")
    if given.distrust:
        print("Load the bedside page once at every screen: until then it believes what it keeps from before.")


def _folder() -> Path:
    """The data folder of a server that has keys: in another one a new pair would be of no use to anybody."""
    folder = config.load(os.environ).data
    if not (folder / FILE).exists():
        raise Stop(f"There are no keys in {folder}: the server makes the first pair when it needs it.")
    return folder


def _asked(keys: Callable[[], Keys]) -> Keys:
    try:
        return keys()
    except (KeyProblem, OSError) as problem:
        raise Stop(str(problem)) from problem


def _print(keys: Keys) -> None:
    for pair in keys.pairs:
        print(f"{pair.id}  {_purpose(pair, keys)}")


def _purpose(pair: Pair, keys: Keys) -> str:
    if pair is keys.newest:
        return "signs"
    if pair.believed_until and server_time() < pair.believed_until:
        until = on_the_wall(pair.believed_until, config.load(os.environ).timezone)
        return f"replaced; what it signed is believed until {until} at the latest"
    return "replaced; opens what was sealed for it and not sent yet"
