"""Who sees what, with more sites than one: of which site a record is, and where else it may be read.

`elsewhere` decides it for one record, whatever its kind. It knows every kind: one that is new has to be told of here.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- The record that a record is a part of, and whose site is its own; any other record is itself.
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
    WHEN 'recall_notice' THEN SELECT 'dose', r.dose_id INTO the_kind, the_id FROM recall_notice r WHERE r.id = the_id;
    WHEN 'corrective_action' THEN
      SELECT 'deviation', r.deviation_id INTO the_kind, the_id FROM corrective_action r WHERE r.id = the_id;
    WHEN 'reading_import' THEN SELECT 'probe', r.probe_id INTO the_kind, the_id FROM reading_import r WHERE r.id = the_id;
    WHEN 'training' THEN SELECT 'person', r.person_id INTO the_kind, the_id FROM training r WHERE r.id = the_id;
    WHEN 'api_token' THEN SELECT 'person', r.person_id INTO the_kind, the_id FROM api_token r WHERE r.id = the_id;
    ELSE NULL;
  END CASE;
END $$;

-- The site of a record; none of what all sites share. Nothing that has no line here is ever shown.
CREATE FUNCTION home_site(the_kind text, the_id bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  home bigint;
BEGIN
  CASE the_kind
    WHEN 'vial' THEN SELECT coalesce(r.site_id, 1) INTO home FROM vial r WHERE r.id = the_id;
    WHEN 'dose' THEN SELECT coalesce(r.site_id, 1) INTO home FROM dose r WHERE r.id = the_id;
{of_a_site}
    WHEN 'conditional_release' THEN
      SELECT s.site_id INTO home FROM conditional_release r JOIN subject s ON s.id = r.subject_id WHERE r.id = the_id;
    WHEN 'trail_review' THEN SELECT coalesce(r.site_id, 1) INTO home FROM trail_review r WHERE r.id = the_id;
    WHEN 'document_issue' THEN
      SELECT home_site(o.the_kind, o.the_id) INTO home
        FROM documented(the_id) d CROSS JOIN LATERAL record_of(d.kind, d.id) o WHERE d.id IS NOT NULL;
    WHEN 'definition' THEN NULL;
  END CASE;
  RETURN home;
END $$;

-- What a document is about.
CREATE FUNCTION documented(issue bigint, OUT kind text, OUT id bigint) LANGUAGE plpgsql STABLE AS $$
DECLARE
  of_code text;
BEGIN
  SELECT record_kind, record_code INTO kind, of_code FROM document_issue d WHERE d.id = issue;
  IF kind IS NOT NULL THEN
    EXECUTE format('SELECT id FROM %I WHERE code = $1', kind) INTO id USING of_code;
  END IF;
END $$;

-- The lots of which a shipment brought vials to a site, or is bringing them: whoever keeps vials reads about their lot.
CREATE FUNCTION lots_brought_to(here bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT DISTINCT v.lot_id FROM shipment s JOIN packed_vial p ON p.shipment_id = s.id JOIN vial v ON v.id = p.vial_id
   WHERE s.to_site_id = here AND (p.ended_at IS NULL OR p.finding IS NOT NULL)
$$;

-- The name of the site of a record that is not read at the site `here`; nothing where it may be read. Without a site
-- everything may be.
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
"""
OF_A_SITE = (
    "donor", "donation", "culture", "reagent_lot", "lot", "storage_unit", "stock_count", "subject", "probe", "excursion",
    "deviation", "shipment", "person",
)  # fmt: skip

# A review reads the acts of one site, those of its chain; one without a site is of the first.
REVIEW = """
CREATE OR REPLACE FUNCTION trail_review_stretch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reached bigint := (SELECT coalesce(max(r.last_act), 0) FROM trail_review r
                      WHERE r.record_code IS NOT DISTINCT FROM NEW.record_code{same_site});
BEGIN
  PERFORM must(NEW.record_code IS NOT NULL
               OR NOT EXISTS (SELECT FROM act WHERE id > reached AND id < NEW.first_act{of_the_site}),
               'a_review_of_the_trail_leaves_no_gap', 'acts before it would stay unreviewed');
  PERFORM must(NOT EXISTS (SELECT FROM trail_review r WHERE r.reviewed_by_id = NEW.reviewed_by_id
                              AND r.record_code IS NOT DISTINCT FROM NEW.record_code{same_site}
                              AND r.first_act <= NEW.last_act AND r.last_act >= NEW.first_act),
               'nobody_reviews_the_same_acts_twice', 'this person has reviewed a part of it');
  RETURN NEW;
END $$;
"""


def upgrade() -> None:
    # So that the stock of a lot at a site is still counted in the index alone.
    op.drop_index("ix_vial_lot_id_state", "vial")
    op.create_index("ix_vial_lot_id_state", "vial", ["lot_id", "state"], postgresql_include=["site_id"])
    op.add_column("trail_review", sa.Column("site_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_trail_review_site_id"), "trail_review", "site", ["site_id"], ["id"])
    lines = (f"    WHEN '{table}' THEN SELECT r.site_id INTO home FROM {table} r WHERE r.id = the_id;" for table in OF_A_SITE)
    op.execute(FUNCTIONS.replace("{of_a_site}", "\n".join(lines)))
    same_site = " AND coalesce(r.site_id, 1) = coalesce(NEW.site_id, 1)"
    op.execute(REVIEW.format(same_site=same_site, of_the_site=" AND site_id = coalesce(NEW.site_id, 1)"))


def downgrade() -> None:
    op.drop_index("ix_vial_lot_id_state", "vial")
    op.create_index("ix_vial_lot_id_state", "vial", ["lot_id", "state"])
    op.execute(REVIEW.format(same_site="", of_the_site=""))
    op.execute(
        "DROP FUNCTION elsewhere(text, bigint, bigint), lots_brought_to(bigint), home_site(text, bigint), "
        "documented(bigint), record_of(text, bigint)"
    )
    op.drop_column("trail_review", "site_id")
