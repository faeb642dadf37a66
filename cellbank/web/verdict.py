"""Yes, no and not checked: the one value from which every page has them, with colour, icon, word and sound.

A page says yes only out of an outcome that was judged and accepted. Whatever else a page knows is visibly *not
checked*: nothing judged yet, a problem in between, or an answer that has grown old. Templates draw a verdict with the
macros of `parts/verdict.html` and with nothing else. The word GO, its colour and its sound belong to the bedside.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask import g
from flask_babel import gettext

from cellbank.domain.refusals import Refusal
from cellbank.services.acts import Outcome


class Judgement(StrEnum):
    """How far it was judged. Only ACCEPTED is a yes."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_JUDGED = "not judged"
    STALE = "stale"  # it was judged, too long ago


class About(StrEnum):
    """What a yes would mean on this page."""

    RECORDABLE = "recordable"  # the act would be recorded; nothing has been done yet
    IN_PART = "in part"  # nothing speaks against it so far; some is looked at only when it is recorded
    DONE = "done"
    READY = "ready"  # every criterion of a list is met
    MATCH = "match"  # label and patient belong together; two people have not signed yet
    GO = "go"
    RUNNING = "running"
    STANDING = "standing"  # nothing speaks against a dose on its way
    VIAL = "vial"  # at the open tank: this vial, from this place


@dataclass(frozen=True)
class Face:
    """How a verdict looks and sounds. `tone` is the end of its class on a page, `body` the class of a whole screen."""

    tone: str
    icon: str
    sound: str
    word: Callable[[str], str]
    body: str = ""


def _done(what: str) -> str:
    return gettext("Done: %(what)s", what=what)


def _refused(what: str) -> str:
    return gettext("Refused: %(what)s", what=what) if what else gettext("Refused")


YES: dict[About, Face] = {
    About.RECORDABLE: Face("may", "check-circle", "yes",
                           lambda _: gettext("This can be recorded. Nothing has been done yet.")),
    About.IN_PART: Face("unknown", "question-octagon", "unknown",
                        lambda rest: gettext("Checked in part. Nothing has been done yet. %(rest)s", rest=rest)),
    About.DONE: Face("done", "check-circle-fill", "yes", _done),
    About.READY: Face("done", "check-circle-fill", "", lambda _: gettext("Every criterion is green.")),
    About.MATCH: Face("match", "check-circle", "yes", lambda check: gettext("Match, check %(n)s of 2", n=check),
                      "is-match"),
    About.GO: Face("go", "check-circle-fill", "go", lambda _: gettext("GO"), "is-go"),
    About.RUNNING: Face("running", "droplet-half", "", lambda _: gettext("Infusion is running"), "is-running"),
    About.STANDING: Face("may", "shield-check", "", lambda _: gettext("Nothing speaks against it")),
    About.VIAL: Face("done", "check-circle-fill", "yes", _done),
}  # fmt: skip
# The same yes with a warning is amber: it is recorded or can be, and somebody must look.
WARNED = {
    About.RECORDABLE: Face(
        "warned",
        "exclamation-triangle-fill",
        "unknown",
        lambda _: gettext("This can be recorded, with a warning. Nothing has been done yet."),
    ),
    About.DONE: Face(
        "warned",
        "exclamation-triangle-fill",
        "unknown",
        lambda what: gettext("Done, with a warning: %(what)s", what=what),
    ),
}
_STOP = Face("stop", "x-octagon-fill", "stop", lambda _: gettext("STOP"), "is-stop")
NO: dict[About, Face] = {
    About.RECORDABLE: Face("no", "x-octagon-fill", "no", lambda _: gettext("This would be refused")),
    About.IN_PART: Face("no", "x-octagon-fill", "no", lambda _: gettext("This would be refused")),
    About.DONE: Face("no", "x-octagon-fill", "no", _refused),
    About.READY: Face("no", "x-octagon-fill", "", lambda _: gettext("Not every criterion is green.")),
    About.MATCH: _STOP,
    About.GO: _STOP,
    About.RUNNING: _STOP,
    About.STANDING: _STOP,
    About.VIAL: _STOP,
}
UNCHECKED = Face("unknown", "question-octagon-fill", "unknown", lambda _: gettext("Not checked"), "is-unchecked")
STALE = Face(
    "unknown",
    "question-octagon-fill",
    "unknown",
    lambda since: gettext("Not checked since %(time)s", time=since),
    "is-unchecked",
)


@dataclass(frozen=True)
class Verdict:
    """What a page knows about its question. Without anything it is *not judged*."""

    about: About
    judgement: Judgement = Judgement.NOT_JUDGED
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[Mapping[str, str], ...] = ()
    what: str = ""  # which act was done, which check of the two
    at: datetime.datetime | None = None  # when it was judged

    @property
    def is_yes(self) -> bool:
        """Judged and accepted."""
        return self.judgement is Judgement.ACCEPTED

    @property
    def is_no(self) -> bool:
        """Judged and refused."""
        return self.judgement is Judgement.REFUSED

    @property
    def face(self) -> Face:
        """Colour, icon, word and sound."""
        if self.is_yes:
            return WARNED.get(self.about, YES[self.about]) if self.warnings else YES[self.about]
        if self.is_no:
            return NO[self.about]
        return STALE if self.judgement is Judgement.STALE else UNCHECKED

    @property
    def tone(self) -> str:
        """The tone of a chip."""
        return {"may": "busy", "warned": "wait", "no": "stop", "stop": "stop", "unknown": "plain"}.get(
            self.face.tone, "good"
        )

    @property
    def word(self) -> str:
        """What stands in large letters."""
        return self.face.word(self.what)


# What a page keeps ready for the moment at which its yes is over.
A_STOP = Verdict(About.GO, Judgement.REFUSED)
A_STALE = Verdict(About.GO, Judgement.STALE, what="{time}")


def judged(
    about: About, refusals: Iterable[Refusal] = (), *, what: str = "", at: datetime.datetime | None = None
) -> Verdict:
    """The verdict of a rule that has been asked: no refusal is a yes."""
    found = tuple(refusals)
    return Verdict(about, Judgement.REFUSED if found else Judgement.ACCEPTED, found, what=what, at=at)


def verdict_of(
    about: About, outcome: Outcome | None, *, what: str = "", at: datetime.datetime | None = None
) -> Verdict:
    """The verdict of an act that was run or judged; without an outcome nothing was judged."""
    if outcome is None:
        return Verdict(about, what=what)
    judgement = Judgement.ACCEPTED if outcome.accepted else Judgement.REFUSED
    warnings = tuple(outcome.result.get("warnings", ()))
    return Verdict(about, judgement, outcome.refusals, warnings, what, at)


def kept_verdict(outcome: str, warnings: Iterable[Mapping[str, str]] = (), what: str = "") -> Verdict:
    """The verdict of an act of the trail, as the trail keeps it."""
    known = outcome in (Judgement.ACCEPTED, Judgement.REFUSED)
    judgement = Judgement(outcome) if known else Judgement.NOT_JUDGED
    return Verdict(About.DONE, judgement, warnings=tuple(warnings), what=what)


def aloud(verdict: Verdict) -> Verdict:
    """Let the page make the sound of this verdict when it opens."""
    g.sound = verdict.face.sound
    return verdict
