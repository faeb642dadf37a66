"""What went otherwise than it should: a minor deviation that waits, a major one that an officer is to decide, and what
somebody has to do about it in two days."""

from cellbank.story.player import DAY, Player


def play(story: Player, lots: dict[str, str], reagent: str) -> None:
    """Open both, investigate the grave one, plan what follows. `lots` by donor; `reagent` is a lot used in all."""
    story.do(
        "olena",
        "open_deviation",
        story.ago(3, 14),
        title="Dissociation reagent left on the bench",
        records=[reagent],
        classification="minor",
        description="The bottle stood at room temperature for two hours; put back at 4 °C. The maker allows a day.",
    )
    torn = story.do(
        "andriy",
        "open_deviation",
        story.ago(60, 15),
        title="Glove torn while a lot was filled",
        records=[lots["PL-003"]],
        classification="major",
        description="Noticed at the change of gloves after filling; the settle plate beside it was kept.",
    )["code"]
    story.do(
        "olena",
        "investigate_deviation",
        story.ago(5, 11),
        deviation=torn,
        investigation="The settle plate grew the organism that the sterility test of the lot found.",
        root_cause="Gloves were changed after two hours of filling; the procedure says every 30 minutes.",
    )
    story.do(
        "iryna",
        "plan_action",
        story.ago(4, 10),
        deviation=torn,
        type="corrective",
        description="Put a timer for the change of gloves beside every cabinet, and train both technicians",
        responsible="olena",
        due_on=(story.today + 2 * DAY).date(),
    )
