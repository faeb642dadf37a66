"""What waits in the laboratory when the story ends: samples whose results are due, and versions to compare."""

from cellbank.services.quality.definitions import published, shipped
from cellbank.story.player import Player

# The next version of the product's specification, as a quality unit would change it after a year.
_NEXT_VERSION = (
    ('version = "2"', 'version = "3"'),
    ("passage_max = 5", "passage_max = 4"),
    (
        'title = "Viability at fill"\nstage = "lot"\nmethod = "trypan blue"',
        'title = "Viability at fill"\nstage = "lot"\nmethod = "flow cytometry, 7-AAD"\n'
        'method_version = "SOP-QC-012 v3"',
    ),
    (
        'code = "POTENCY"\ntitle = "Inhibition of PBMC proliferation"\nstage = "lot"\nmethod = "co-culture"\n'
        "required = false",
        'code = "POTENCY"\ntitle = "Inhibition of PBMC proliferation"\nstage = "lot"\n'
        'method = "co-culture"\nrequired = true',
    ),
)
_NEW_TEST = """
# Mycoplasma by nucleic acid, before the cells are frozen: the culture takes 28 days more.
[[tests]]
code = "IP-MYCOPLASMA"
title = "Mycoplasma in the last culture, by nucleic acid"
stage = "in_process"
method = "Ph. Eur. 2.6.7, NAT"
required = true
kind = "choice"
choices = ["not detected", "detected"]
accept = ["not detected"]
result_days = 2
reviewed_by = ["quality_officer"]
"""


def versions_to_compare(story: Player) -> None:
    """The next version of the specification, and a published one: imported, not in force."""
    specification = next(one for one in shipped() if one.type == "specification")
    content = specification.content + _NEW_TEST
    for before, after in _NEXT_VERSION:
        if before not in content:
            raise LookupError(f"the specification has no {before!r} any more")
        content = content.replace(before, after, 1)
    other = next(one for one in published() if one.code.startswith("WJ-EBIOMED"))
    for text in (content, other.content):
        story.do("iryna", "import_definition", story.ago(2, 11), type="specification", content=text)


def samples_awaited(story: Player, lots: dict[str, str]) -> None:
    """Samples with their results due: one today, one in two weeks, one that nobody has entered in time."""
    for donor, test, material, days in (
        ("PL-003", "STERILITY", "Second bottle, inoculated for the investigation", 3),
        ("PL-002", "POTENCY", "Thawed vial, stability after two months", 9),
        ("PL-001", "PT-VIABILITY", "Thawed vial, stability after three months", 7),
    ):
        story.do("andriy", "take_sample", story.ago(days, 10), lot=lots[donor], test=test, material=material)
