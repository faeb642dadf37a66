"""A value put right, as it stands before whoever signs: what was, what is right, what follows, what is void by it."""

from cellbank.domain.identifiers import printed
from cellbank.outside.document_pdf import Block, Facts, Heading, Run, Table, Text
from cellbank.services.signing.in_words import as_word
from cellbank.services.signing.reading import Foreseen, Reading
from cellbank.services.wording.column_words import told
from cellbank.services.wording.values import kept_value

FOLLOWS = ("Record", "Value", "Noted", "Right")


def correction_blocks(reading: Reading, foreseen: Foreseen) -> list[Block]:
    """All that the signature will cover, and all that rested on the first value."""
    first, follows = foreseen["put_right"], foreseen["follows"]
    label = told(first["kind"], first["column"]).label
    noted, right = (kept_value(first, which, reading.time) for which in ("before", "after"))
    blocks: list[Block] = [
        Heading("What is put right"),
        Facts(
            (
                (f"{label} of {first['kind']} {printed(first['record'])}", Run(right, "strong")),
                ("Noted before", noted),
                ("Reason", str(reading.given.get("reason") or "–")),
            )
        ),
    ]
    rows = tuple(
        (
            f"{as_word(one['kind'])} {printed(one['record'])}",
            told(one["kind"], one["column"]).label,
            kept_value(one, "before", reading.time),
            Run(kept_value(one, "after", reading.time), "strong"),
        )
        for one in follows
    )
    if rows:
        blocks += [Heading("What follows from it, worked out again"), Table(FOLLOWS, rows, (0.25, 0.35, 0.2, 0.2))]
    fails = foreseen["fails"]
    lots = tuple((f"Lot {code}", _judged(state, fails.get(code))) for code, state in foreseen["lots_judged"].items())
    if lots:
        blocks += [Heading("Lots that were made of it, judged again"), Facts(lots)]
    if foreseen["doses_below"]:
        blocks += [Heading("Doses of these lots"), Text(", ".join(foreseen["doses_below"]))]
    if foreseen["void"]:
        blocks.append(Heading("Signatures that will be void"))
        blocks += [Text(one, "alarm") for one in foreseen["void"]]
    if foreseen.get("will_open_a_deviation"):
        said = "It was released or given: a deviation is opened in the same act."
        blocks += [Heading("Deviation"), Text(said, "alarm")]
    if foreseen.get("irregularities"):
        blocks += [Heading("Not allowed by the right value: in a deviation")]
        blocks += [Text(one["detail"], "alarm") for one in foreseen["irregularities"]]
    return blocks


def _judged(state: str, fails: list[str] | None) -> tuple[Run, ...]:
    said = Run(f"does not meet by it: {', '.join(fails)}", "alarm") if fails else Run("meets all that it met before")
    return Run(as_word(state)), said
