"""The table of what the database refuses by itself: for each of its rules the SQL that breaks it, a file a noun.

A new rule has a row here (`test_database_twins.py` names the one that has none), in the file of its noun: who does it
under which act, the statement, and the name that has to answer.
"""

from tests.attack.twins import (
    authority,
    cells,
    corrections,
    definitions,
    doses,
    lots,
    people,
    production,
    quality,
    shipments,
    signatures,
    storage,
    subjects,
    temperature,
    trail,
    vials,
)

NOUNS = (
    authority, cells, corrections, definitions, doses, lots, people, production, quality, shipments, signatures,
    storage, subjects, temperature, trail, vials,
)  # fmt: skip
ATTACKS = [attack for noun in NOUNS for attack in noun.ATTACKS]
