-- Issued documents: editions follow each other, each with something else to say. Twin: `domain/rules/document.py`.

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
