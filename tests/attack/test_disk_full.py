"""The disk is really full while people work: acts are not recorded and say so, reads go on, nothing is half written;
with the first free byte everything is back by itself, also where PostgreSQL has died of it."""

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from cellbank import create_app
from cellbank.outside import account_key, embedded_postgres
from tests.attack.disk import Disk, small_disk
from tests.attack.installation import Site, installed, plain_url
from tests.attack.load import Told, clients_at_work, harm_done
from tests.factories.world import World
from tests.waiting import wait_until
from tests.web.conftest import Browser

pytestmark = pytest.mark.races

MEGABYTES = 160
DECLINED = 20  # acts
BACK_SECONDS = 10
SPACE = "no room"


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    with small_disk(MEGABYTES) as disk:
        if disk is None and os.environ.get("CELLBANK_REQUIRE_ALL"):
            pytest.fail("No disk can be mounted here.")
        if disk is None:
            pytest.skip("No disk can be mounted here (only root may).")
        yield disk


@pytest.fixture(scope="module")
def site(disk: Disk, run_folder: Path) -> Iterator[Site]:
    with installed("disk", run_folder, disk.folder) as site:
        site.start()
        yield site
        site.stop()


def seconds_until_recorded(told: Told) -> float:
    """From now, where there is room, to the next act that is acknowledged."""
    freed, before = time.monotonic(), len(told.recorded)
    wait_until(lambda: len(told.recorded) > before, BACK_SECONDS)
    return time.monotonic() - freed


def forget_the_last_use(site: Site) -> None:
    """So that it would be noted anew, by the next one who reads."""
    with (
        embedded_postgres.start(site.folder) as server,
        psycopg.connect(plain_url(server.owner_url), autocommit=True) as connection,
    ):
        connection.execute("DELETE FROM api_token_use")


def test_acts_on_a_full_disk_say_so_and_everybody_goes_on_reading(
    site: Site, disk: Disk, tried: Callable[..., None]
) -> None:
    with clients_at_work(site, "FULL") as told:
        wait_until(lambda: len(told.recorded) > 10)
        disk.fill()
        try:
            wait_until(lambda: len(told.not_recorded) >= DECLINED)
            forget_the_last_use(site)
            answer = site.request("POST", "/api/acts/open_deviation", {})
            scanned = site.request("GET", "/api/scan/DR00019")
        finally:
            disk.free()
        back = seconds_until_recorded(told)
    found = harm_done(site, "FULL", told)
    tried(
        len(told.not_recorded),
        int(bool(found)),
        f"disk full: {len(told.not_recorded)} acts declined, {len(told.recorded)} acknowledged, back in {back:.1f} s",
    )
    assert not found
    assert answer is not None and answer[0] == 422  # what is wrong with an act is said before anything is written
    assert scanned is not None and scanned[0] == 404
    assert {sentence for sentence in told.sentences if SPACE in sentence}, told.sentences


def test_postgresql_that_dies_of_a_full_disk_is_back_when_there_is_room(
    site: Site, disk: Disk, tried: Callable[..., None]
) -> None:
    """A log that cannot be continued ends the server, and it does not start without room; it is tried until it does."""
    with clients_at_work(site, "DEAD") as told:
        wait_until(lambda: len(told.recorded) > 10)
        first = site.postmaster()
        with embedded_postgres.start(site.folder) as server:
            disk.fill()
            try:
                with suppress(psycopg.Error):
                    use_up_the_log(plain_url(server.owner_url))
                wait_until(lambda: not alive(server))
                wait_until(lambda: any("cannot be reached" in sentence for sentence in told.sentences))
            finally:
                disk.free()
            back = seconds_until_recorded(told)
    found = harm_done(site, "DEAD", told)
    tried(1, int(bool(found)), f"PostgreSQL dead of a full disk: back {back:.1f} s after there was room")
    assert not found and site.postmaster() != first


def use_up_the_log(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(10):
            connection.execute("SELECT pg_logical_emit_message(true, 'x', 'x'), pg_switch_wal()")


def alive(server: embedded_postgres.EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(plain_url(server.owner_url), connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def test_a_file_that_finds_no_room_is_not_kept_and_no_error_of_the_program(disk: Disk, world: World) -> None:
    shutil.copy2(world.installation.config.data / account_key.FILE, disk.folder)  # by which tina is known
    config = dataclasses.replace(world.installation.config, data=disk.folder)
    tina = Browser(create_app(dataclasses.replace(world.installation, config=config)).test_client())
    assert tina.enter("tina").status_code == 302
    tina.get("/")
    headers = {"X-CSRFToken": tina.token, "Accept": "application/json"}
    disk.fill()
    try:
        answer = tina.client.post("/readings/upload", data=b"x" * 100_000, headers=headers)
    finally:
        disk.free()
    assert answer.status_code == 503 and SPACE in answer.json["problem"] and answer.headers["Retry-After"]
    assert list((disk.folder / "readings").iterdir()) == []
