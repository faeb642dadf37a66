"""What is typed from a paper form, part by part, and how it is kept."""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellbank.domain.rules.paper_form import COUNT, DILUENT, FIRST_CHECK, PREPARATION, SECOND_CHECK, VOLUME_GIVEN
from cellbank.services.acts import SignedInput, TellingInput
from cellbank.services.inputs import Cells, DoseCode, Moment, OneLine, Percentage, Reason, Text, VialCodes, VolumeMl

AS_WRITTEN = "The sign-in name; of somebody who has none the name as it is written."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class PaperThaw(_Part):
    """The thaw sheet."""

    started_at: Moment = Field(title="Thaw of the first vial began")
    vials: VialCodes = Field(title="Vials in the pool")


class PaperCount(_Part):
    """The count sheet."""

    diluent: OneLine | None = Field(default=None, title="Diluent")
    pooled_ml: VolumeMl = Field(title="Pooled volume")
    counted_at: Moment = Field(title="Counted at")
    total_cells_per_ml: Cells = Field(title="Total cells per mL")
    viability_percent: Percentage = Field(title="Viability")
    method: OneLine = Field(title="Method of the viability")


class PaperPreparation(_Part):
    """What was drawn up."""

    prepared_by: OneLine = Field(title="Drawn up by", description=AS_WRITTEN)
    prepared_at: Moment = Field(title="Drawn up at")
    drawn_ml: VolumeMl = Field(title="Drawn from the pool")
    final_volume_ml: VolumeMl = Field(title="Final volume", gt=0)


class PaperReaction(_Part):
    """What was seen in the patient."""

    seen: Text = Field(title="What was seen and what was done")
    happened_at: Moment = Field(title="When it was seen")
    serious: bool = Field(
        title="Serious", description="Death, danger to life, hospital stay, lasting harm, or as grave."
    )


class EnterDoseFromPaper(SignedInput):
    """Enter a dose from its paper form."""

    dose: DoseCode = Field(title="Dose")
    thaw: PaperThaw | None = Field(default=None, title="Thaw, if it is not entered yet")
    count: PaperCount | None = Field(default=None, title="Count, if it is not entered yet")
    preparation: PaperPreparation | None = Field(default=None, title="Preparation, if it is not entered yet")
    first_checked_at: Moment | None = Field(default=None, title="First check", description="If it is not entered yet.")
    first_checked_by: OneLine | None = Field(
        default=None, title="First check by", description="Empty: whoever enters the form. " + AS_WRITTEN
    )
    second_checked_at: Moment | None = Field(default=None, title="Second check", description="Likewise.")
    second_checked_by: OneLine | None = Field(
        default=None, title="Second check by", description="Empty: whoever confirms the form. " + AS_WRITTEN
    )
    started_at: Moment | None = Field(default=None, title="Infusion started", description="Likewise.")
    stopped_at: Moment = Field(title="Infusion stopped")
    volume_given_ml: VolumeMl | None = Field(default=None, title="Volume given")
    stop_reason: Reason | None = Field(default=None, title="Reason, if it was stopped early")
    reaction: PaperReaction | None = Field(default=None, title="Reaction, if there was one")
    not_on_the_form: list[Literal["diluent", "volume given", "count", "preparation", "first check", "second check"]] = (
        Field(
            default=[],
            max_length=6,
            title="The form does not tell, and nobody knows",
            description="Or it was not done. A deviation will say so.",
        )
    )
    reason: Reason = Field(title="Why it was on paper")

    @model_validator(mode="after")
    def _told_or_not_known(self) -> Self:
        asked: list[tuple[str, object]] = [(VOLUME_GIVEN, self.volume_given_ml)]
        if self.count:
            asked.append((DILUENT, self.count.diluent))
        for name, told in asked:
            if told is None and name not in self.not_on_the_form:
                raise ValueError(f"give the {name}, or say that the form does not tell it")
        parts = [
            (COUNT, self.count),
            (PREPARATION, self.preparation),
            (FIRST_CHECK, self.first_checked_at),
            (SECOND_CHECK, self.second_checked_at),
        ]
        for name, told in (*asked, *parts):
            if told is not None and name in self.not_on_the_form:
                raise ValueError(f"the {name} is given, and the form is said not to tell it: it is one or the other")
        return self


class ConfirmDoseFromPaper(TellingInput, SignedInput):
    """Confirm a dose from its paper form."""

    ALWAYS_LATE: ClassVar[bool] = True
    dose: DoseCode = Field(title="Dose")
    happened_at: Moment = Field(title="Infusion started", description="Read it off the form once more.")
    entered_late_because: Reason = Field(title="Why it was on paper")


class TakeBackPaperForm(SignedInput):
    """Take back a paper form."""

    dose: DoseCode = Field(title="Dose")
    reason: Reason = Field(description="Why nothing of it is true of this dose: it was entered to the wrong one.")


def content_of(form: EnterDoseFromPaper) -> dict[str, Any]:
    """The form as it is kept and signed."""
    return form.model_dump(mode="json", exclude={"password", "signer", "one_time_code"}, exclude_none=True)
