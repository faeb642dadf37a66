"""The card of what travels between sites."""

from cellbank.domain.identifiers import Kind
from cellbank.services.lookup.card_parts import Question, Row
from cellbank.services.wording.values import shown


def _vials(row: Row) -> str:
    """How many vials it has, and of how many that were ordered."""
    if not row["ordered"]:
        return "none: the empty shipper"
    return f"{row['packed']} of {row['ordered']} ordered"


OF_SHIPPING: dict[Kind, Question] = {
    Kind.SHIPMENT: Question(
        """SELECT h.*, s.name AS sender, r.name AS recipient, u.code AS shipper,
           coalesce(p.full_name, c.carrier) AS holder,
           (SELECT coalesce(sum((w ->> 'count')::int), 0) FROM jsonb_array_elements(h.wanted) w) AS ordered,
           (SELECT count(*) FROM packed_vial k WHERE k.shipment_id = h.id
             AND (k.ended_at IS NULL OR k.finding IS NOT NULL)) AS packed
           FROM shipment h JOIN site s ON s.id = h.from_site_id JOIN site r ON r.id = h.to_site_id
           LEFT JOIN storage_unit u ON u.id = h.shipper_id
           LEFT JOIN custody c ON c.shipment_id = h.id AND c.until IS NULL LEFT JOIN person p ON p.id = c.person_id
           WHERE h.code = %(code)s""",
        lambda row: f"Shipment to {row['recipient']}",
        lambda row: (
            ("From", row["sender"]),
            ("To", row["recipient"]),
            ("Vials", _vials(row)),
            ("In hand of", row["holder"] or "nobody"),
            ("Shipper", row["shipper"] or "–"),
            ("Sealed", shown(row["sealed_at"])),
            ("Seals", ", ".join(row["seals"] or ()) or "–"),
            ("Handed over", shown(row["sent_at"])),
            ("Received", shown(row["received_at"])),
            *((("Decision", row["decision_reason"]),) if row["decision_reason"] else ()),
        ),
    ),
}
