-- More sites than one: of which site a record is, where else it may be read, and that nothing is changed from another one.
-- Twins: `records/belonging.py`, `records/work.py` (site_refusals), `services/finding/seeing.py`.

-- An act is done where somebody works: at home, or where they work besides. Twin: `services/people/actors.py`.
CREATE FUNCTION act_is_done_where_one_works() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM person p JOIN site s ON s.id = p.site_id OR s.code = ANY (p.also_at)
                        WHERE p.id = NEW.person_id AND s.id = NEW.site_id),
               'an_act_is_done_where_one_works', 'whoever acts does not work at this site');
  RETURN NEW;
END $$;
CREATE TRIGGER act_is_done_where_one_works BEFORE INSERT OR UPDATE OF outcome ON act FOR EACH ROW
  WHEN (NEW.outcome = 'accepted') EXECUTE FUNCTION act_is_done_where_one_works();

-- What a record is about: a consent is about its donor, a result about what was tested. `elsewhere` and `home_site` know
-- every kind: one that is new has to be told of here.
CREATE FUNCTION record_of(INOUT the_kind text, INOUT the_id bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
  CASE the_kind
    WHEN 'consent' THEN SELECT 'donor', r.donor_id INTO the_kind, the_id FROM consent r WHERE r.id = the_id;
    WHEN 'test_result' THEN
      SELECT x.kind, x.id INTO the_kind, the_id FROM test_result r CROSS JOIN LATERAL (VALUES ('donor', r.donor_id),
        ('donation', r.donation_id), ('culture', r.culture_id), ('lot', r.lot_id)) x(kind, id)
       WHERE r.id = the_id AND x.id IS NOT NULL;
    WHEN 'sample' THEN
      SELECT x.kind, x.id INTO the_kind, the_id FROM sample r CROSS JOIN LATERAL (VALUES ('donor', r.donor_id),
        ('donation', r.donation_id), ('culture', r.culture_id), ('lot', r.lot_id)) x(kind, id)
       WHERE r.id = the_id AND x.id IS NOT NULL;
    WHEN 'hold' THEN
      SELECT x.kind, x.id INTO the_kind, the_id FROM hold r CROSS JOIN LATERAL (VALUES ('donor', r.donor_id),
        ('lot', r.lot_id), ('reagent_lot', r.reagent_lot_id), ('storage_unit', r.storage_unit_id)) x(kind, id)
       WHERE r.id = the_id AND x.id IS NOT NULL;
    WHEN 'batch_review' THEN SELECT 'lot', r.lot_id INTO the_kind, the_id FROM batch_review r WHERE r.id = the_id;
    WHEN 'freezer_run' THEN SELECT 'lot', r.lot_id INTO the_kind, the_id FROM freezer_run r WHERE r.id = the_id;
    WHEN 'weight' THEN SELECT 'subject', r.subject_id INTO the_kind, the_id FROM weight r WHERE r.id = the_id;
    WHEN 'treatment_decision' THEN
      SELECT 'subject', r.subject_id INTO the_kind, the_id FROM treatment_decision r WHERE r.id = the_id;
    WHEN 'corrective_action' THEN
      SELECT 'deviation', r.deviation_id INTO the_kind, the_id FROM corrective_action r WHERE r.id = the_id;
    WHEN 'reading_import' THEN SELECT 'probe', r.probe_id INTO the_kind, the_id FROM reading_import r WHERE r.id = the_id;
    WHEN 'training' THEN SELECT 'person', r.person_id INTO the_kind, the_id FROM training r WHERE r.id = the_id;
    WHEN 'api_token' THEN SELECT 'person', r.person_id INTO the_kind, the_id FROM api_token r WHERE r.id = the_id;
    ELSE NULL;
  END CASE;
END $$;

-- The site to which a record belongs; null: it is the whole installation's.
CREATE FUNCTION home_site(the_kind text, the_id bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  home bigint;
BEGIN
  CASE the_kind
    WHEN 'vial' THEN SELECT r.site_id INTO home FROM vial r WHERE r.id = the_id;
    WHEN 'dose' THEN SELECT r.site_id INTO home FROM dose r WHERE r.id = the_id;
    WHEN 'donor' THEN SELECT r.site_id INTO home FROM donor r WHERE r.id = the_id;
    WHEN 'donation' THEN SELECT r.site_id INTO home FROM donation r WHERE r.id = the_id;
    WHEN 'culture' THEN SELECT r.site_id INTO home FROM culture r WHERE r.id = the_id;
    WHEN 'reagent_lot' THEN SELECT r.site_id INTO home FROM reagent_lot r WHERE r.id = the_id;
    WHEN 'lot' THEN SELECT r.site_id INTO home FROM lot r WHERE r.id = the_id;
    WHEN 'storage_unit' THEN SELECT r.site_id INTO home FROM storage_unit r WHERE r.id = the_id;
    WHEN 'stock_count' THEN SELECT r.site_id INTO home FROM stock_count r WHERE r.id = the_id;
    WHEN 'subject' THEN SELECT r.site_id INTO home FROM subject r WHERE r.id = the_id;
    WHEN 'probe' THEN SELECT r.site_id INTO home FROM probe r WHERE r.id = the_id;
    WHEN 'excursion' THEN SELECT r.site_id INTO home FROM excursion r WHERE r.id = the_id;
    WHEN 'deviation' THEN SELECT r.site_id INTO home FROM deviation r WHERE r.id = the_id;
    WHEN 'shipment' THEN SELECT r.site_id INTO home FROM shipment r WHERE r.id = the_id;
    WHEN 'person' THEN SELECT r.site_id INTO home FROM person r WHERE r.id = the_id;
    WHEN 'conditional_release' THEN
      SELECT s.site_id INTO home FROM conditional_release r JOIN subject s ON s.id = r.subject_id WHERE r.id = the_id;
    WHEN 'trail_review' THEN SELECT r.site_id INTO home FROM trail_review r WHERE r.id = the_id;
    WHEN 'document_issue' THEN
      SELECT home_site(o.the_kind, o.the_id) INTO home
        FROM documented(the_id) d CROSS JOIN LATERAL record_of(d.kind, d.id) o WHERE d.id IS NOT NULL;
    WHEN 'recall_notice' THEN SELECT r.site_id INTO home FROM recall_notice r WHERE r.id = the_id;
    WHEN 'definition' THEN NULL;
  END CASE;
  RETURN home;
END $$;

-- The record that an issued document is about.
CREATE FUNCTION documented(issue bigint, OUT kind text, OUT id bigint) LANGUAGE plpgsql STABLE AS $$
DECLARE
  of_code text;
BEGIN
  SELECT record_kind, record_code INTO kind, of_code FROM document_issue d WHERE d.id = issue;
  IF kind IS NOT NULL THEN
    EXECUTE format('SELECT id FROM %I WHERE code = $1', kind) INTO id USING of_code;
  END IF;
END $$;

-- The lots of which this site was ever sent a vial.
CREATE FUNCTION lots_brought_to(here bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT DISTINCT v.lot_id FROM shipment s JOIN packed_vial p ON p.shipment_id = s.id JOIN vial v ON v.id = p.vial_id
   WHERE s.to_site_id = here AND (p.ended_at IS NULL OR p.finding IS NOT NULL)
$$;

-- The name of the site to which a record belongs, where somebody who acts `here` may not read it; null where they may.
CREATE FUNCTION elsewhere(the_kind text, the_id bigint, here bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  part record;
  home bigint;
  is_read boolean := false;
BEGIN
  IF here IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT o.the_kind AS kind, o.the_id AS id INTO part FROM record_of(the_kind, the_id) o;
  IF part.id IS NULL THEN  -- there is no such record
    RETURN NULL;
  END IF;
  home := home_site(part.kind, part.id);
  IF home IS NULL OR home = here THEN
    RETURN NULL;
  END IF;
  CASE part.kind
    WHEN 'donor', 'donation', 'culture', 'reagent_lot', 'lot' THEN
      is_read := EXISTS (SELECT lots_below(part.kind, part.id) INTERSECT SELECT lots_brought_to(here));
    WHEN 'vial' THEN  -- it is on its way here
      is_read := EXISTS (SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
                          WHERE p.vial_id = part.id AND p.ended_at IS NULL AND s.to_site_id = here);
    WHEN 'shipment' THEN
      is_read := EXISTS (SELECT FROM shipment s WHERE s.id = part.id AND here IN (s.from_site_id, s.to_site_id));
    WHEN 'deviation' THEN
      is_read := EXISTS (
        SELECT FROM deviation d JOIN deviation_link k ON k.deviation_id = d.id
          CROSS JOIN LATERAL lots_reached(k.record_kind, k.record_id, d.occurred_at) lot
         WHERE d.id = part.id AND lot IN (SELECT lots_brought_to(here)));
    WHEN 'conditional_release' THEN  -- whoever made the lot knows who uses it
      is_read := EXISTS (SELECT FROM conditional_release r JOIN lot l ON l.id = r.lot_id
                          WHERE r.id = part.id AND l.site_id = here);
    WHEN 'document_issue' THEN  -- where its record is read; but what tells of everything is read at its site
      is_read := EXISTS (SELECT FROM documented(part.id) d WHERE elsewhere(d.kind, d.id, here) IS NULL)
                 AND (SELECT d.type NOT IN ('trail', 'recall_list') FROM document_issue d WHERE d.id = part.id);
    WHEN 'person' THEN
      is_read := EXISTS (SELECT FROM person p JOIN site s ON s.code = ANY (p.also_at) WHERE p.id = part.id AND s.id = here);
    ELSE NULL;
  END CASE;
  IF is_read THEN
    RETURN NULL;
  END IF;
  RETURN (SELECT name FROM site WHERE id = home);
END $$;

-- A record is changed at its site.
CREATE FUNCTION changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM changed c WHERE c.site_id <> here),
               'a_record_is_changed_at_its_site', 'the record is of another site');
  RETURN NULL;
END $$;

-- A lot can be stopped from elsewhere, and nothing else.
CREATE FUNCTION lot_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM changed c JOIN now_is n USING (id)
                            WHERE (c.site_id <> here AND n.state <> 'ON_HOLD') OR n.site_id <> c.site_id),
               'a_record_is_changed_at_its_site', 'the lot is of another site');
  RETURN NULL;
END $$;
CREATE TRIGGER changed_at_its_site AFTER UPDATE ON lot REFERENCING OLD TABLE AS changed NEW TABLE AS now_is
  FOR EACH STATEMENT EXECUTE FUNCTION lot_changed_at_its_site();

-- A lot is let go for one subject where it was made or where the subject is, and nowhere else; ended from everywhere.
CREATE FUNCTION conditional_release_signed_at_its_sites() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(here IN ((SELECT site_id FROM subject WHERE id = NEW.subject_id), (SELECT site_id FROM lot WHERE id = NEW.lot_id)),
               'a_record_is_changed_at_its_site', 'neither the lot nor the subject of the conditional release is of this site');
  RETURN NEW;
END $$;
CREATE TRIGGER signed_at_its_sites BEFORE INSERT OR UPDATE ON conditional_release FOR EACH ROW
  WHEN (NEW.state <> 'ENDED') EXECUTE FUNCTION conditional_release_signed_at_its_sites();

-- A vial changes its site when it is received, and there.
CREATE FUNCTION vial_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM changed c JOIN now_is n USING (id)
     WHERE (c.site_id <> here OR n.site_id <> here OR n.site_id <> c.site_id)
       AND NOT (c.state IN ('IN_TRANSIT', 'MISSING') AND n.state IN ('RECEIVED', 'MISSING') AND EXISTS (
         SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
          WHERE p.vial_id = c.id AND p.ended_at IS NULL AND s.to_site_id = here AND s.state IN ('ARRIVED', 'CHECKED')
            AND (n.site_id = here OR n.site_id IS NOT DISTINCT FROM c.site_id)))),
    'a_record_is_changed_at_its_site', 'the vial is of another site');
  RETURN NULL;
END $$;
CREATE TRIGGER changed_at_its_site AFTER UPDATE ON vial REFERENCING OLD TABLE AS changed NEW TABLE AS now_is
  FOR EACH STATEMENT EXECUTE FUNCTION vial_changed_at_its_site();

-- A shipper changes its site when it is received, and there.
CREATE FUNCTION unit_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM changed c JOIN now_is n USING (id)
     WHERE n.site_id <> here OR (c.site_id <> n.site_id AND (n.type <> 'shipper' OR NOT EXISTS (
       SELECT FROM shipment s WHERE s.shipper_id = n.id AND s.to_site_id = here AND s.state IN ('ON_THE_WAY', 'ARRIVED'))))),
    'a_record_is_changed_at_its_site', 'the unit is of another site');
  RETURN NULL;
END $$;
CREATE TRIGGER changed_at_its_site AFTER UPDATE ON storage_unit REFERENCING OLD TABLE AS changed NEW TABLE AS now_is
  FOR EACH STATEMENT EXECUTE FUNCTION unit_changed_at_its_site();

-- Nothing stands in a unit of another site.
CREATE FUNCTION unit_stands_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT site_id FROM storage_unit WHERE id = NEW.parent_id) = NEW.site_id,
               'a_record_is_changed_at_its_site', 'the unit would stand at another site');
  RETURN NEW;
END $$;
CREATE TRIGGER unit_added_at_its_site BEFORE INSERT ON storage_unit FOR EACH ROW
  WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION unit_stands_at_its_site();
CREATE TRIGGER unit_moved_at_its_site BEFORE UPDATE ON storage_unit FOR EACH ROW
  WHEN (NEW.parent_id IS NOT NULL AND (NEW.parent_id, NEW.site_id) IS DISTINCT FROM (OLD.parent_id, OLD.site_id))
  EXECUTE FUNCTION unit_stands_at_its_site();

-- What is made or changed by the ordinary way, at its site only; lots, vials and units have rules of their own above.
DO $$
DECLARE
  of_a_site text;
BEGIN
  FOREACH of_a_site IN ARRAY '{culture,donation,donor,dose,lot,reagent_lot,stock_count,storage_unit,subject,vial}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER made_at_its_site AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                   'FOR EACH STATEMENT EXECUTE FUNCTION changed_at_its_site()', of_a_site);
    IF of_a_site <> ALL ('{lot,storage_unit,vial}') THEN
      EXECUTE format('CREATE TRIGGER changed_at_its_site AFTER UPDATE ON %I REFERENCING OLD TABLE AS changed '
                     'FOR EACH STATEMENT EXECUTE FUNCTION changed_at_its_site()', of_a_site);
    END IF;
  END LOOP;
END $$;
