"""Documents: editions follow each other, each with a reason and with something else to say than the one before.

Twin: `domain/rules/document.py` gives the reasons.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EDITIONS = """
CREATE FUNCTION document_editions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last document_issue;
BEGIN
  SELECT * INTO last FROM document_issue
   WHERE type = NEW.type AND record_code = NEW.record_code ORDER BY edition DESC LIMIT 1;
  PERFORM must(NEW.edition = coalesce(last.edition, 0) + 1, 'editions_follow_each_other', 'an edition is missing');
  PERFORM must(NEW.digest IS DISTINCT FROM last.digest, 'a_further_edition_says_something_else', 'nothing changed');
  RETURN NEW;
END $$;
CREATE TRIGGER document_editions BEFORE INSERT ON document_issue FOR EACH ROW EXECUTE FUNCTION document_editions();
"""


def upgrade() -> None:
    op.create_check_constraint(
        op.f("ck_document_issue_a_further_edition_has_a_reason"),
        "document_issue",
        "edition = 1 OR coalesce(length(trim(reason)), 0) > 0",
    )
    op.execute(EDITIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER document_editions ON document_issue")
    op.execute("DROP FUNCTION document_editions()")
    op.drop_constraint(op.f("ck_document_issue_a_further_edition_has_a_reason"), "document_issue")
