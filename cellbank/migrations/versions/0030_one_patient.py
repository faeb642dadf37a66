"""One patient is one subject of a trial, whatever the version of its protocol and however a number is spelled; and no
more subjects enter than are planned.

Twins: `domain/rules/enrolment.py`, `domain/folding.py`.
"""

import tomllib

import sqlalchemy as sa
from alembic import op

from cellbank.domain.folding import skeleton

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

SAFETY = """
CREATE OR REPLACE FUNCTION subject_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.arm = OLD.arm AND NEW.receives_product = OLD.receives_product AND {same_protocol}
               AND NEW.code = OLD.code, 'a_subject_keeps_its_arm', 'a subject never changes its arm, protocol or code');
  RETURN NEW;
END $$;
"""
BEFORE, NOW = (SAFETY.format(same_protocol=f"NEW.{name} = OLD.{name}") for name in ("protocol_id", "trial"))

FUNCTIONS = """
-- The protocol may be amended, the trial stays.
CREATE FUNCTION subject_stays_in_its_trial() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM definition p WHERE p.id = NEW.protocol_id AND p.type = 'protocol'
                          AND p.identifier = NEW.trial AND p.state = 'EFFECTIVE'),
               'a_subject_stays_in_its_trial', 'this is no version in force of the protocol of the trial');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_enters_its_trial BEFORE INSERT ON subject
  FOR EACH ROW EXECUTE FUNCTION subject_stays_in_its_trial();
CREATE TRIGGER subject_stays_in_its_trial BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (NEW.protocol_id <> OLD.protocol_id OR NEW.trial <> OLD.trial) EXECUTE FUNCTION subject_stays_in_its_trial();

-- The places of a trial are numbered and each is given once, so that the last one cannot be given twice.
CREATE FUNCTION subject_enters_a_trial() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.place <= coalesce((SELECT p.planned_subjects FROM definition p
                 WHERE p.type = 'protocol' AND p.identifier = NEW.trial
                 ORDER BY p.state = 'EFFECTIVE' DESC, p.id = NEW.protocol_id DESC LIMIT 1), NEW.place),
               'no_more_subjects_than_planned', 'as many subjects as planned have been enrolled');
  PERFORM must(NEW.bars_other_trials IS NOT TRUE OR NOT EXISTS (
                 SELECT FROM subject s WHERE s.second_identifier_key = NEW.second_identifier_key
                    AND s.born_on = NEW.born_on AND s.trial <> NEW.trial AND s.state IN ('SCREENING', 'ENROLLED')),
               'no_second_trial_where_one_is_forbidden', 'the patient takes part in another trial');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_enters_a_trial BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (NEW.state = 'ENROLLED' AND OLD.state <> 'ENROLLED') EXECUTE FUNCTION subject_enters_a_trial();
"""
COLUMNS = (
    ("trial", sa.Text()),
    ("trial_number_key", sa.Text()),
    ("second_identifier_key", sa.Text()),
)
# Whoever was ever found eligible has taken a place: their eligibility was approved by a signature.
EARLIER = sa.text(
    """SELECT s.id, s.site_id, s.trial_number, s.second_identifier, s.protocol_id, p.identifier AS trial,
              s.state IN ('ENROLLED', 'COMPLETED') OR EXISTS (SELECT FROM signature g WHERE g.record_kind = 'subject'
                AND g.record_id = s.id AND g.meaning = 'approved') AS was_enrolled
         FROM subject s JOIN definition p ON p.id = s.protocol_id ORDER BY s.id"""
)
PROTOCOLS = sa.text("SELECT id, content FROM definition WHERE type = 'protocol' ORDER BY id")
FILL = sa.text(
    "UPDATE subject SET trial = :trial, trial_number_key = :number, second_identifier_key = :second, place = :place, "
    "bars_other_trials = :bars WHERE id = :id"
)
FILL_PROTOCOL = sa.text("UPDATE definition SET planned_subjects = :planned WHERE id = :id")
OPEN = sa.text(
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
       VALUES (:site, 1, 'configure_site', '{"revision": "0030"}', '', 'migration', '0030', now())
       RETURNING set_config('cellbank.act', id::text, true)"""
)
CLOSE = "UPDATE act SET outcome = 'accepted' WHERE id = current_setting('cellbank.act')::bigint"


def upgrade() -> None:
    op.add_column("definition", sa.Column("planned_subjects", sa.BigInteger(), nullable=True))
    for name, type_ in COLUMNS:
        op.add_column("subject", sa.Column(name, type_, nullable=True))
    op.add_column("subject", sa.Column("bars_other_trials", sa.Boolean(), nullable=True))
    op.add_column("subject", sa.Column("place", sa.BigInteger(), nullable=True))
    _tell_of_earlier_records()
    for name, _ in COLUMNS:
        op.alter_column("subject", name, nullable=False)
    for name in ("trial_number", "second_identifier"):
        op.drop_constraint(op.f(f"uq_subject_protocol_id_{name}"), "subject")
    op.create_index("one_trial_number_in_a_trial", "subject", ["trial", "trial_number_key"], unique=True)
    op.create_index("one_patient_in_a_trial", "subject", ["trial", "second_identifier_key"], unique=True)
    op.create_index("one_subject_for_each_place", "subject", ["trial", "place"], unique=True)
    op.create_index("ix_subject_second_identifier_key", "subject", ["second_identifier_key"])
    op.create_check_constraint(
        op.f("ck_subject_enrolled_has_a_place"),
        "subject",
        "state NOT IN ('ENROLLED', 'COMPLETED') OR place IS NOT NULL",
    )
    op.execute(NOW)
    op.execute(FUNCTIONS)


def _tell_of_earlier_records() -> None:
    """Fill the new columns in an act of each site, so that the trail knows of it as of every change."""
    connection, taken = op.get_bind(), {}
    files = {row.id: tomllib.loads(row.content) for row in connection.execute(PROTOCOLS)}
    subjects = connection.execute(EARLIER).all()
    if files:
        connection.execute(OPEN, {"site": 1})
        for id_, file in files.items():
            connection.execute(FILL_PROTOCOL, {"id": id_, "planned": file["planned_subjects"]})
        op.execute(CLOSE)
    for site in sorted({row.site_id for row in subjects}):
        connection.execute(OPEN, {"site": site})
        for row in (row for row in subjects if row.site_id == site):
            if row.was_enrolled:
                taken[row.trial] = taken.get(row.trial, 0) + 1
            place = taken[row.trial] if row.was_enrolled else None
            given = {"id": row.id, "trial": row.trial, "place": place, "bars": _bars(files[row.protocol_id])}
            keys = {"number": skeleton(row.trial_number), "second": skeleton(row.second_identifier)}
            connection.execute(FILL, {**given, **keys})
        op.execute(CLOSE)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("SET CONSTRAINTS ALL DEFERRED")


def _bars(file: dict) -> bool:
    """Whether a criterion of the protocol forbids another trial."""
    asked = [(one, "no") for one in file["inclusion"]] + [(one, "yes") for one in file["exclusion"]]
    return any((one["question"], one["operator"]) == ("other_trial", against) for one, against in asked)


def downgrade() -> None:
    op.execute("DROP TRIGGER subject_enters_a_trial ON subject; DROP FUNCTION subject_enters_a_trial()")
    op.execute("DROP TRIGGER subject_enters_its_trial ON subject; DROP TRIGGER subject_stays_in_its_trial ON subject")
    op.execute("DROP FUNCTION subject_stays_in_its_trial()")
    op.execute(BEFORE)
    op.drop_constraint(op.f("ck_subject_enrolled_has_a_place"), "subject")
    for index in ("one_trial_number_in_a_trial", "one_patient_in_a_trial", "one_subject_for_each_place"):
        op.drop_index(index, "subject")
    for name in ("trial_number", "second_identifier"):
        op.create_unique_constraint(op.f(f"uq_subject_protocol_id_{name}"), "subject", ["protocol_id", name])
    op.drop_index("ix_subject_second_identifier_key", "subject")
    for name in ("place", "bars_other_trials", *(name for name, _ in COLUMNS)):
        op.drop_column("subject", name)
    op.drop_column("definition", "planned_subjects")
