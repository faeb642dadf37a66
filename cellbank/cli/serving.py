"""Run it: the demo, the server, migrations."""

import argparse
import os
import resource
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cellbank import config
from cellbank.cli.sending import sending
from cellbank.cli.shared import Stop, add_command
from cellbank.cli.watching import looks_of, watching
from cellbank.gate import THREADS
from cellbank.services import start
from cellbank.services.installation import Installation
from cellbank.services.people.account_list import list_people

# An idle connection costs little, and is closed when its head does not come; what a request may hold, the gate says.
CONNECTIONS = 1000  # of one process
SECONDS_FOR_A_HEAD = 10  # and between two requests of one connection
FILES = 500  # that a process has open besides
SECONDS_TO_FINISH = 20
# A worker that has kept more than this for five minutes is replaced: what many large requests leave behind in its
# memory passes with it. A large import comes and goes and may take more.
MOST_MEMORY, LOOKS_AT_MEMORY = 1024, 10  # MiB; every half minute
# The C library keeps what was freed for the next use of each thread, and learns to keep ever larger pieces: a hundred
# threads and bodies of a megabyte leave hundreds of megabytes behind. So two such stores, and larger pieces go back at
# once. The workers read this when they start.
ALLOCATION = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(256 * 1024)}
PLAYED = "story_played"


def add_commands(commands: Any) -> None:
    """demo, serve, migrate."""
    demo = add_command(commands, "demo", run_demo, "Play the trial NCT04461925, then serve it.")
    demo.add_argument("--data", type=Path, metavar="DIR", help="folder of the demo (default: demo in CELLBANK_DATA)")
    demo.add_argument("--port", type=int, metavar="N", help="port to listen on (default: CELLBANK_PORT)")
    demo.add_argument("--no-serve", action="store_true", help="stop after the story")
    serve_ = add_command(commands, "serve", run_serve, "Serve pages and API.")
    serve_.add_argument(
        "--despite-schema", action="store_true", help="start also where the schema is not that of this version"
    )
    add_command(commands, "migrate", run_migrate, "Bring the database to this version.")


def run_serve(given: argparse.Namespace) -> None:
    """Serve until Ctrl-C or SIGTERM; the embedded database starts before and stops after, if nobody else uses it."""
    settings = config.load(os.environ)
    _port_is_free(settings)
    with ExitStack() as stack:
        database = start.find_database(settings, stack)
        start.prepare(settings, database, despite_schema=given.despite_schema).engine.dispose()
        serve(settings, database)


def run_migrate(given: argparse.Namespace) -> None:
    """Migrate as the owner."""
    settings = config.load(os.environ)
    with ExitStack() as stack:
        print(f"The database is at revision {start.migrate_database(start.find_database(settings, stack), anew=True)}.")


def run_demo(given: argparse.Namespace) -> None:
    """Play the story into a folder of its own, unless it has been played there, and serve it.

    Always on an embedded database: the story never goes where a site works.
    """
    settings = _demo_settings(given)
    if not given.no_serve:
        _port_is_free(settings)
    with ExitStack() as stack:
        database = start.find_database(settings, stack)
        installation = start.prepare(settings, database)
        start.let_time_be_played(database)
        try:
            _play_once(installation)
        finally:
            installation.engine.dispose()
        _print_logins(settings)
        if not given.no_serve:
            serve(settings, database)


def _demo_settings(given: argparse.Namespace) -> config.Config:
    """The settings with the demo's folder and port, also in the environment for the processes that will serve."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    if given.port is not None:
        environ["CELLBANK_PORT"] = str(given.port)
    folder = given.data.expanduser().absolute() if given.data else config.load(environ).data / "demo"
    environ["CELLBANK_DATA"] = str(folder)
    # Nothing sends readings to the demo: a quarter of an hour later all of its probes would be silent.
    environ.setdefault("CELLBANK_WATCH_SECONDS", "0")
    for name in ("CELLBANK_DATABASE_URL", "CELLBANK_OWNER_DATABASE_URL"):
        os.environ.pop(name, None)
    os.environ.update(environ)
    return config.load(environ)


def _play_once(installation: Installation) -> None:
    from cellbank import story

    played = installation.config.data / PLAYED
    if played.exists():
        return
    if story.was_played(installation):
        raise Stop(
            f"The story in {installation.config.data} was interrupted: delete that folder, or name another with --data."
        )
    if list_people(installation):
        raise Stop(f"{installation.config.data} is the folder of a site that works: name another one with --data.")
    try:
        story.play(installation)
    except story.StoryProblem as problem:
        raise Stop(f"The story cannot be played: {problem}") from problem
    played.touch()


def _print_logins(settings: config.Config) -> None:
    from cellbank import story

    print(f"\nThe demo is in {settings.data}. Sign in with the password {story.PASSWORD} as:")
    for name, full_name, role in story.PEOPLE:
        print(f"  {name:<10} {full_name}, {role.replace('_', ' ')}")
    print(f"and at {story.CLINIC['name']}:")
    for name, full_name, role in story.PEOPLE_THERE:
        print(f"  {name:<10} {full_name}, {role.replace('_', ' ')}")


def _port_is_free(settings: config.Config) -> None:
    """Granian shares a port with whoever listens there; two banks behind one address would be a lottery."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or error
            raise Stop(
                f"Nothing can listen on {settings.host}, port {settings.port} ({reason}). Set CELLBANK_PORT or --port."
            ) from error


def wire_options() -> dict[str, Any]:
    """How a process listens: what a connection may hold of it, and how many threads stand at its gate."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    return {
        "interface": Interfaces.WSGI,
        "http": HTTPModes.http1,  # of two protocols, the server waits for ever which one a silent connection means
        "http1_settings": HTTP1Settings(header_read_timeout=SECONDS_FOR_A_HEAD * 1000),
        "blocking_threads": THREADS,
        "backpressure": CONNECTIONS,
    }


def _allow_files(needed: int) -> None:
    """A connection is an open file, of which a process may have few unless it asks for more."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        more = needed if most == resource.RLIM_INFINITY else min(needed, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, most))


def serve(settings: config.Config, database: start.Database) -> None:
    """Answer requests with several processes until a signal ends it; requests under way are finished. Beside them
    somebody looks for silent probes, signs the heads of the trail and checks it, and somebody sends messages."""
    from granian import Granian
    from granian.log import LogLevels

    start.hand_down(database)
    _allow_files(CONNECTIONS + FILES)
    for name, value in ALLOCATION.items():
        os.environ.setdefault(name, value)
    server = Granian(
        "cellbank:create_app",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_FINISH,
        workers_max_rss=MOST_MEMORY,
        rss_samples=LOOKS_AT_MEMORY,
        log_level=LogLevels.error,
        **wire_options(),
    )
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    server.on_startup(
        lambda: print(f"cellbank answers on http://{shown}:{settings.port} (Ctrl-C stops it)", flush=True)
    )
    looks = looks_of(settings.watch_seconds, settings.heads_seconds, settings.check_hours)
    with watching(*looks), sending(settings.mail_seconds if settings.smtp_url else 0):
        server.serve()
