"""Single-byte changes of an exported trail: every one must be found by the stand-alone verifier."""

import hashlib
import io
import json
import random
import time
from collections.abc import Iterator, Sequence

from cellbank.offline import verify_trail as offline
from cellbank.services.installation import Installation
from cellbank.services.trail import verification
from tests.bench.figures import Figure

LINES = 12  # the verifier stops at the line that is wrong: more lines make a change slower to find, not harder


def missed(data: bytes, flips: int, seed: int) -> list[tuple[int, int]]:
    """The changes, of so many at random, after which the verifier still says that an export is sound: (place, byte)."""
    chance = random.Random(seed)
    passed = []
    for _ in range(flips):
        place, value = chance.randrange(len(data)), chance.randrange(255)
        value += value >= data[place]  # any byte but the one that is there
        changed = data[:place] + bytes([value]) + data[place + 1 :]
        try:
            offline.verify(io.BytesIO(changed))
        except offline.Bad:
            continue
        passed.append((place, value))
    return passed


def closed(lines: Sequence[bytes]) -> bytes:
    """The first lines of an export with the last line that fits them: an export that was made earlier."""
    last = json.loads(lines[-1])
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    ends = {str(last["site"]): [last["number"], last["digest"]]}
    return b"".join(lines) + offline.written({"end": {"acts": len(lines) - 1, "heads": ends, "sha256": digest}})


def measure(installation: Installation, flips: int) -> Iterator[Figure]:
    """So many changes of the beginning of the trail of a bank."""
    out = io.BytesIO()
    verification.export(installation, out)
    data = closed(out.getvalue().splitlines(keepends=True)[: LINES + 1])
    offline.verify(io.BytesIO(data))
    start = time.perf_counter()
    passed = missed(data, flips, seed=1)
    note = f"of {flips:,} in {len(data):,} bytes, {flips / (time.perf_counter() - start):,.0f}/s"
    yield Figure("exported trail: single-byte changes not found", len(passed), "", "at most", 0, note)
