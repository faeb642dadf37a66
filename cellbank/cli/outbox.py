"""Messages to people: what the outbox holds is sent, once or for as long as the server runs."""

import argparse
import signal
import sys
import threading

from cellbank.cli.shared import Stop, add_command, opened_installation
from cellbank.services.outbox.sender import keep_sending, send_due


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """outbox send."""
    kinds = commands.add_parser("outbox", help="Messages to people.").add_subparsers(required=True, metavar="COMMAND")
    send = add_command(kinds, "send", run_send, "Send the messages that are due.")
    send.add_argument(
        "--every", type=int, default=0, metavar="SECONDS", help="go on until standard input ends or a signal comes"
    )


def run_send(given: argparse.Namespace) -> None:
    """Send what is due and say how many. Raises Stop where messages are not set up, or where some were not taken."""
    with opened_installation() as installation:
        if installation.config.smtp_url is None:
            raise Stop("Messages are not set up: CELLBANK_SMTP_URL names the mail server.")
        if given.every:
            keep_sending(installation, given.every, _until_told())
            return
        done = send_due(installation)
    if done.failed:
        raise Stop(f"{done.sent} sent, {done.failed} not taken by the mail server, of these {done.given_up} given up.")
    print(f"{done.sent} sent.")


def _until_told() -> threading.Event:
    """What is set when a signal comes, or whoever started this is gone."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    threading.Thread(target=_until_input_ends, args=(over,), name="until-input-ends", daemon=True).start()
    return over


def _until_input_ends(over: threading.Event) -> None:
    """Whoever started this holds the other end: when they are gone, however they went, so is this."""
    while sys.stdin.buffer.read(1024):
        pass
    over.set()
