"""The fingerprint of the schema, written anew from what the migrations make.

    python -m tools.fingerprint

after every new revision, and after a rebase that brought one. It migrates an empty database of its own and writes
`migrations/fingerprint.txt`; the difference that git then shows is what the revision changes in the database.
"""

import tempfile
from pathlib import Path

from sqlalchemy import create_engine

from cellbank.outside.embedded_postgres import start
from cellbank.records.fingerprint import FILE, as_lines, objects_of
from cellbank.records.migrate import migrate

HEAD = "# Every object of the schema at the newest revision. Written by: python -m tools.fingerprint\n"


def main() -> None:
    """Migrate an empty database and write what is there."""
    with tempfile.TemporaryDirectory() as folder, start(Path(folder), durable=False) as server:
        migrate(server.owner_url)
        engine = create_engine(server.app_url)
        with engine.connect() as connection:
            FILE.write_text(HEAD + as_lines(objects_of(connection)))
        engine.dispose()
    print(f"{FILE} is written.")


if __name__ == "__main__":
    main()
