"""A database whose rules were changed behind the application's back: named, and served only when that is meant."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from cellbank.cli import serving


@pytest.fixture
def changed(urls: tuple[str, str]) -> Iterator[None]:
    """The owner has switched a rule off, and written another."""
    engine = create_engine(urls[0], isolation_level="AUTOCOMMIT")
    with engine.connect() as owner:
        owner.execute(text("ALTER TABLE vial DISABLE TRIGGER trail_change; CREATE VIEW mine AS SELECT 1"))
        yield
        owner.execute(text("ALTER TABLE vial ENABLE TRIGGER trail_change; DROP VIEW mine"))
    engine.dispose()


def test_a_changed_schema_is_named_and_not_served(cellbank, changed: None) -> None:
    for command in (("trail", "verify"), ("serve",)):
        said = cellbank(*command)
        assert (said.status, said.out) == (1, ""), command
        assert "trigger vial.trail_change is not as this version makes it: it is switched off" in said.err
        assert "view mine is not of this version" in said.err
    assert "--despite-schema" in said.err


def test_it_is_served_when_that_is_meant(cellbank, changed: None, monkeypatch, caplog) -> None:
    served = []
    monkeypatch.setattr(serving, "serve", lambda *given: served.append(given))
    assert cellbank("serve", "--despite-schema").status == 0 and len(served) == 1
    assert "vial.trail_change" in caplog.text and "view mine" in caplog.text


def test_what_was_put_back_is_served(cellbank, monkeypatch) -> None:
    monkeypatch.setattr(serving, "serve", lambda *given: None)
    assert cellbank("serve").status == 0
