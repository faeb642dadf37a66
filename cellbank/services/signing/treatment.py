"""What a clinician decides about who signs that treatment goes on: each reaction and each deviation, and the doses."""

from typing import Any

from sqlalchemy import Row, text

from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.services.clinic.reactions import LATE_REASON, Noted
from cellbank.services.signing.reading import Reading
from cellbank.services.wording.values import times_of, word

HEAD = ("What happened", "Dose and product", "When", "By whom")
WIDTHS = (0.4, 0.25, 0.2, 0.15)

# A deviation may be of several doses, or of the subject and of none.
_CONCERNS = text(
    f"""SELECT c.kind, v.code AS deviation, v.title, coalesce(r.text, v.description) AS said,
              coalesce(r.happened_at, v.occurred_at) AS happened_at, coalesce(r.noted_at, o.at, v.occurred_at) AS at,
              CASE WHEN r.id IS NOT NULL THEN {LATE_REASON.format(kind="reaction", id="r.id")} END AS late_reason,
              coalesce(n.full_name, o.full_name) AS by, d.doses, r.noted_by_id
         FROM undecided_concerns(:subject) c
         LEFT JOIN reaction r ON c.kind = 'reaction' AND r.id = c.id
         LEFT JOIN person n ON n.id = r.noted_by_id
         LEFT JOIN deviation v ON c.kind = 'deviation' AND v.id = c.id
         LEFT JOIN LATERAL (SELECT a.at, p.full_name FROM change h JOIN act a ON a.id = h.act_id
             JOIN person p ON p.id = a.person_id
            WHERE h.record_kind = 'deviation' AND h.record_id = v.id AND h.before IS NULL) o ON true
         LEFT JOIN LATERAL (SELECT coalesce(json_agg(json_build_array(x.code, x.infusion_number, x.day, l.code, f.title)
               ORDER BY x.infusion_number), '[]') AS doses
             FROM dose x JOIN lot l ON l.id = x.lot_id JOIN donation t ON t.id = l.donation_id
             JOIN definition f ON f.id = t.specification_id
            WHERE x.subject_id = :subject AND (x.id = r.dose_id OR x.id IN (SELECT k.record_id FROM deviation_link k
               WHERE k.deviation_id = v.id AND k.record_kind = 'dose'))) d ON true
        ORDER BY c.since, c.kind, c.id"""
)
_DOSES = text(
    """SELECT count(*) FILTER (WHERE infusion_started_at IS NOT NULL) AS given,
              json_agg(json_build_array(code, infusion_number, state, planned_on) ORDER BY infusion_number) FILTER
                (WHERE infusion_started_at IS NULL AND state NOT IN ('CANCELLED', 'DISCARDED')) AS coming
         FROM dose WHERE subject_id = :subject"""
)


def what_is_decided(reading: Reading) -> list[Block]:
    """Each serious reaction and each open critical deviation that the decision will cover, with the dose and its
    product; and which dose waits for the decision. What the reader noted is for another clinician to decide."""
    subject = next(iter(reading.named.get("subject", ())), None)
    if subject is None:
        return []
    found = reading.connection.execute(_CONCERNS, {"subject": subject}).all()
    doses = reading.connection.execute(_DOSES, {"subject": subject}).one()
    mine = [one for one in found if reading.person is not None and one.noted_by_id == reading.person]
    rows = tuple(_concern(reading, one) for one in found if one not in mine)
    coming = tuple(
        line
        for code, number, state, planned in doses.coming or ()
        for line in (Run(code, "code"), Run(f"infusion {number}, {word(state)}, planned for {planned}"))
    )
    return [
        Heading("What you decide about"),
        Table(HEAD, rows or ((Run("Nothing waits for a decision."), "–", "–", "–"),), WIDTHS),
        *(
            Text("Serious reactions that you noted yourself are not covered: another clinician decides.", "alarm")
            for _ in mine[:1]
        ),
        Facts((("Infusions so far", str(doses.given)), ("Waits for the decision", coming or "the next order"))),
    ]


def _concern(reading: Reading, one: Row[Any]) -> tuple[Cell, ...]:
    if one.kind == "reaction":
        what: tuple[Run, ...] = (Run("Serious reaction", "alarm"),)
    else:
        what = Run("Critical deviation", "alarm"), Run(one.deviation, "code"), Run(one.title, "strong")
    doses = tuple(
        line
        for code, number, day, lot, product in one.doses
        for line in (Run(code, "code"), Run(f"infusion {number}, Day {day}"), Run(lot, "code"), Run(product, "muted"))
    )
    told = Noted("", one.at, one.by or "", True, "", one.happened_at, one.late_reason)
    return (*what, Run(one.said)), doses or "–", times_of(told, reading.time), one.by or "–"
