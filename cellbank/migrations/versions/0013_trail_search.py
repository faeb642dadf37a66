"""The trail is looked through by person, time, refusal and record; every one of them by an index. A review of it leaves no
gap, and nobody reviews the same acts twice."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


# Every text in what was given that could be the code of a record. Raw scans and sentences are none.
CODES_GIVEN = (
    "jsonb_path_query_array(given, "
    """'strict $.** ? (@.type() == "string" && @ like_regex "^[A-Z0-9]{6,19}$")')"""
)

REVIEW = """
CREATE FUNCTION trail_review_stretch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reached bigint := (SELECT coalesce(max(last_act), 0) FROM trail_review
                      WHERE record_code IS NOT DISTINCT FROM NEW.record_code);
BEGIN
  PERFORM must(NEW.record_code IS NOT NULL
               OR NOT EXISTS (SELECT FROM act WHERE id > reached AND id < NEW.first_act),
               'a_review_of_the_trail_leaves_no_gap', 'acts before it would stay unreviewed');
  PERFORM must(NOT EXISTS (SELECT FROM trail_review r WHERE r.reviewed_by_id = NEW.reviewed_by_id
                              AND r.record_code IS NOT DISTINCT FROM NEW.record_code
                              AND r.first_act <= NEW.last_act AND r.last_act >= NEW.first_act),
               'nobody_reviews_the_same_acts_twice', 'this person has reviewed a part of it');
  RETURN NEW;
END $$;
CREATE TRIGGER review_stretch BEFORE INSERT ON trail_review
  FOR EACH ROW EXECUTE FUNCTION trail_review_stretch();
"""


def upgrade() -> None:
    op.execute(REVIEW)
    op.execute(f"CREATE INDEX ix_act_codes_given ON act USING gin ({CODES_GIVEN})")
    op.create_index("ix_act_at", "act", ["at"])
    op.create_index("ix_act_person_id_id", "act", ["person_id", "id"])
    op.create_index("ix_act_refused_at", "act", ["at"], postgresql_where=sa.text("outcome = 'refused'"))


def downgrade() -> None:
    op.execute("DROP TRIGGER review_stretch ON trail_review; DROP FUNCTION trail_review_stretch()")
    for name in ("ix_act_codes_given", "ix_act_at", "ix_act_person_id_id", "ix_act_refused_at"):
        op.drop_index(name, "act")
