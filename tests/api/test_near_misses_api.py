"""Near misses for other programs."""

import pytest

from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5")


def test_readers_get_the_counts_and_nobody_else(client, tokens, world: World) -> None:
    world.do("tina", "report_unreadable_scan", raw="?", reason="It is cut short.")

    def read(who: str, query: str = ""):
        return client.get(f"/api/near-misses{query}", headers={"Authorization": f"Bearer {tokens[who]}"})

    for who in ("quinn", "otto"):
        told = read(who, "?since=2026-03&until=2026-03").get_json()
        assert told["months"] == ["2026-03"] and told["since"] == "2026-03-01"
        assert any(line["stage"] == "Scanner" and line["counts"]["2026-03"] == line["total"] for line in told["lines"])
    assert read("tina").status_code == 403 and read("ada").status_code == 403
    assert len(read("quinn", "?since=2025-01&until=2025-06").get_json()["months"]) == 6
    assert len(read("quinn", "?since=2025-06&until=2025-01").get_json()["months"]) == 6
    for wrong in ("?since=yesterday", "?until=9999-12", "?since=2026-13"):
        assert read("quinn", wrong).status_code == 422
