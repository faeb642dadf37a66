"""What the key of a program may do of what its person may. Pure."""

from dataclasses import dataclass

from cellbank.domain.refusals import Code, Refusal, refuse

# What nobody could read is kept, whoever scanned it and with whatever key.
ALWAYS = frozenset({"report_unreadable_scan"})


@dataclass(frozen=True)
class Scope:
    """The limits of a key: reading only, one site, or some acts and nothing else, not even reading."""

    read_only: bool = False
    site: str | None = None  # None: every site where its person works
    acts: frozenset[str] = frozenset()  # none: every act of its person

    @property
    def may_read(self) -> bool:
        """Whether it reads records. A key for some acts does these alone: give the program another one to read with."""
        return not self.acts

    def may_do(self, act: str, *, dry_run: bool) -> bool:
        """Whether it does an act, or, which changes nothing, only has it judged."""
        return act in ALWAYS or act in self.acts or (not self.acts and (dry_run or not self.read_only))


def scope_refusals(
    scope: Scope | None, act: str, title: str, *, dry_run: bool, at_its_site: bool = True
) -> tuple[Refusal, ...]:
    """Why this key does not do this act, or is told of it; nothing where somebody acts without a key (`scope` None)."""
    if scope is None or (scope.may_do(act, dry_run=dry_run) and (at_its_site or scope.site is None)):
        return ()
    sentence = "The key of this program is not for “{act}”. Use one that may do it, or create one."
    return (refuse(Code.KEY_LIMITED, sentence, act=title),)
