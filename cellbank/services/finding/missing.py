"""Why a code leads to no record: unreadable, unknown here, or of another site."""

from cellbank.domain.garbled import Garbled


class Unreadable(Exception):
    """The scan is not a code: `garbled` says why and what to do."""

    def __init__(self, garbled: Garbled):
        self.garbled = garbled
        super().__init__(garbled.sentence)


class NotHere(Exception):
    """The code is well formed, but nothing here bears it."""

    def __init__(self, kind: str, code: str):
        self.kind, self.code = kind, code
        super().__init__(
            f"There is no {kind} {code} here. It may belong to another site, or never have been registered."
        )


class OtherSite(NotHere):
    """The record is of a site at which the person does not act now. No more is said than whom to ask."""

    def __init__(self, kind: str, code: str, site: str):
        super().__init__(kind, code)
        self.site = site
        self.args = (f"The {kind} {code} is of the site {site}. Ask there, or switch to that site if you work there.",)
