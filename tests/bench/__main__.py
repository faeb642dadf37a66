"""The bench: every figure of speed and memory that the project promises, measured in one run.

    python -m tests.bench [--data DIR] [--vials 1000000] [--acts 1000000] [--flips 10000] [--whole-trail]

The first run generates the banks (minutes) and keeps them in the data folder; later ones work on copies. Ratios are
against F, a bare Flask route with one SELECT, or one INSERT and commit, on the same server, in alternating rounds.
Exit status 1 when a figure misses its bound.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellbank.outside.embedded_postgres import EmbeddedPostgres, start
from cellbank.outside.postgres_server import OWNER
from tests.bench import (
    batch_records,
    entering,
    flips,
    long_trail,
    lookups,
    ordering,
    quality_board,
    reading,
    scanning,
    storage,
    temperature,
    writing,
)
from tests.bench.big_bank import Size
from tests.bench.clients import clients
from tests.bench.databases import generated, made, open_installation, plain_url
from tests.bench.figures import Figure, Table
from tests.bench.site import Site, opened

SMALL = 10_000
WORK_THAT_WAITS = {"frozen_lots": 50, "printed_lots": 10, "hot_lots": 1, "waiting_subjects": 400}
BEGAN = time.perf_counter()


def main() -> int:
    """Generate what is missing, measure, report."""
    given = _arguments()
    given.data.mkdir(parents=True, exist_ok=True)
    table = Table()
    with start(given.data) as server:
        large = generated(server, f"bank_{given.vials}", Size(given.vials, **WORK_THAT_WAITS), given.data, tell)
        small = generated(server, f"bank_{SMALL}", Size(SMALL, **WORK_THAT_WAITS), given.data, tell)
        _measure(table, server, large, small, given)
        table.add(_long_trail(server, given))
        table.add(temperature.measure(server, given.data))
    print(f"\n{table.text()}\n")
    print(f"{len(table.short)} of {len(table.figures)} figures fall short." if table.short else "Every bound is met.")
    return 1 if table.short else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(tempfile.gettempdir()) / "cellbank-bench",
        help="folder in which the generated banks are kept",
    )
    parser.add_argument("--vials", type=int, default=1_000_000, help="vials of the large bank")
    parser.add_argument("--acts", type=int, default=1_000_000, help="acts of the long trail")
    parser.add_argument("--flips", type=int, default=10_000, help="single-byte changes of an exported trail")
    parser.add_argument("--whole-trail", action="store_true", help="verify the trail of the large bank too (minutes)")
    return parser.parse_args()


def _measure(
    table: Table, server: EmbeddedPostgres, large_name: str, small_name: str, given: argparse.Namespace
) -> None:
    with opened(server, large_name, given.data) as large, opened(server, small_name, given.data) as small:
        tell("banks copied, servers started")
        with clients(large.server.port, 8) as pool:
            table.add(reading.measure(large, small, pool))
            table.add(entering.measure(large, pool))
            table.add(writing.measure(large, pool))
            table.add(ordering.measure(large, pool))
        table.add([_memory(large)])
        table.add(storage.measure(large))
        table.add(scanning.measure(large))
        table.add(lookups.measure_traces(large, small))
        table.add(lookups.measure_labels())
        table.add(quality_board.measure(small))
        table.add(batch_records.measure(small))
        table.add(lookups.measure_trail(large if given.whole_trail else small))
        table.add(flips.measure(small.installation, given.flips))


def _long_trail(server: EmbeddedPostgres, given: argparse.Namespace) -> Iterator[Figure]:
    """Read only, so on the database itself and not on a copy."""
    name = made(server, f"trail_{given.acts}", lambda load, _: long_trail.fill(load, given.acts), given.data, tell)
    installation = open_installation(server, name, given.data)
    yield from long_trail.measure(installation, plain_url(server.url(OWNER, name)))
    installation.engine.dispose()


def _memory(site: Site) -> Figure:
    """After far more than a thousand requests."""
    return Figure("memory of a worker after all requests", site.server.worker_megabytes(), "MB", "at most", 150)


def tell(news: str) -> None:
    """A line for whoever waits."""
    print(f"[{time.perf_counter() - BEGAN:5.0f} s] {news}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
