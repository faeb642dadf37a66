"""Keep a bank of this revision for the attack on upgrades; to be run before the next revision is made:

pytest -n 0 tests/attack/older/keep.py
"""

import lzma
from pathlib import Path

from cellbank.records.migrate import newest_revision
from cellbank.services.quality.definitions import shipped
from tests.backup import written
from tests.factories.doses import infused_dose, ordered_dose
from tests.factories.world import World


def test_keep_a_bank_of_this_revision(world: World, databases: tuple[str, str]) -> None:
    """From people and definitions to a dose that was given, one that was ordered and a version that waits."""
    infused_dose(world)
    ordered_dose(world)
    content = shipped()[0].content.replace('version = "2"', 'version = "3"', 1)
    world.do("quinn", "import_definition", type="specification", content=content)
    kept = Path(__file__).with_name(f"{newest_revision()}.sql.xz")
    kept.write_bytes(lzma.compress(written(databases[0]).encode(), preset=9 | lzma.PRESET_EXTREME))
