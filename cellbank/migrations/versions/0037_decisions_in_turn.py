"""What happens to a subject and what is done for them come one after the other: a serious reaction or a critical deviation
waits for a step of the next dose that is being written, and the step for it. A decision is about what is open then.

Twins: the subject is locked first by every such act (`lock_dose` in services/clinic/dosing.py); `nothing_to_decide_refusals`.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

DOSE = """
CREATE OR REPLACE FUNCTION dose_is_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{lock}  PERFORM may(NOT EXISTS (SELECT FROM undecided_concerns(NEW.subject_id)),
              'a_decision_comes_before_the_next_dose', 'a clinician has not decided that treatment goes on');
  RETURN NEW;
END $$;
"""
LOCK = "  PERFORM FROM subject WHERE id = NEW.subject_id FOR SHARE;\n"
CONCERNS = """
CREATE FUNCTION reaction_comes_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM subject s WHERE s.id = (SELECT subject_id FROM dose WHERE id = NEW.dose_id) FOR NO KEY UPDATE;
  RETURN NEW;
END $$;
CREATE TRIGGER reaction_comes_in_turn BEFORE INSERT ON reaction FOR EACH ROW
  WHEN (NEW.is_serious) EXECUTE FUNCTION reaction_comes_in_turn();

-- The subjects of a deviation, in the order of their ids.
CREATE FUNCTION subjects_of_deviation(the_deviation bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT DISTINCT coalesce(d.subject_id, k.record_id) AS id
    FROM deviation_link k LEFT JOIN dose d ON k.record_kind = 'dose' AND d.id = k.record_id
   WHERE k.deviation_id = the_deviation AND k.record_kind IN ('dose', 'subject') ORDER BY id
$$;

CREATE FUNCTION critical_deviation_comes_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_deviation bigint := CASE TG_TABLE_NAME WHEN 'deviation' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'deviation_id')::bigint END;
BEGIN
  IF EXISTS (SELECT FROM deviation WHERE id = the_deviation AND classification = 'critical' AND state <> 'CLOSED') THEN
    PERFORM FROM subject WHERE id IN (SELECT subjects_of_deviation(the_deviation)) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER critical_deviation_comes_in_turn AFTER UPDATE ON deviation FOR EACH ROW
  WHEN (NEW.critical_since IS NOT NULL AND OLD.critical_since IS NULL)
  EXECUTE FUNCTION critical_deviation_comes_in_turn();
CREATE TRIGGER critical_deviation_comes_in_turn AFTER INSERT ON deviation_link FOR EACH ROW
  WHEN (NEW.record_kind IN ('dose', 'subject')) EXECUTE FUNCTION critical_deviation_comes_in_turn();

CREATE FUNCTION decision_is_about_what_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM subject WHERE id = NEW.subject_id FOR NO KEY UPDATE;
  PERFORM must(jsonb_array_length(NEW.covers) > 0 AND NOT EXISTS (
      SELECT FROM jsonb_array_elements(NEW.covers) AS one
       WHERE (one ->> 'kind', (one ->> 'id')::bigint) NOT IN (SELECT kind, id FROM undecided_concerns(NEW.subject_id))),
    'a_decision_is_about_what_is_open', 'it is decided, or was never open');
  RETURN NEW;
END $$;
CREATE TRIGGER decision_is_about_what_is_open BEFORE INSERT ON treatment_decision
  FOR EACH ROW EXECUTE FUNCTION decision_is_about_what_is_open();
"""


def upgrade() -> None:
    op.execute(DOSE.format(lock=LOCK))
    op.execute(CONCERNS)


def downgrade() -> None:
    op.execute("DROP TRIGGER reaction_comes_in_turn ON reaction")
    op.execute("DROP TRIGGER critical_deviation_comes_in_turn ON deviation")
    op.execute("DROP TRIGGER critical_deviation_comes_in_turn ON deviation_link")
    op.execute("DROP TRIGGER decision_is_about_what_is_open ON treatment_decision")
    op.execute(
        "DROP FUNCTION reaction_comes_in_turn(), critical_deviation_comes_in_turn(), subjects_of_deviation(bigint), "
        "decision_is_about_what_is_open()"
    )
    op.execute(DOSE.format(lock=""))
