"""How states and kinds look and are called: every state has a tone, an icon and a word, never a colour alone."""

from dataclasses import dataclass

from flask_babel import gettext

from cellbank.domain.saying import plain_word
from cellbank.services.wording.column_words import WORDS, told

TONES: dict[str, str] = {
    "good": "IN_USE STORED WITHIN "
    "ACTIVE LIVE EFFECTIVE ELIGIBLE GIVEN ACCEPTED RELEASED IN_STOCK IN_SERVICE REVIEWED CONFIRMED "
    "CHECKED ENROLLED MET GREEN VALID VERIFIED ACKNOWLEDGED DECIDED",
    "wait": "PROPOSED ASKED RECORDED "
    "IMPORTED REGISTERED AWAITING_DECISION QUARANTINED QUARANTINE FILLED FROZEN ENTERED SCREENING MEASURED "
    "ORDERED CHECKED_ONCE DUE OPEN TAKEN PLANNED INVESTIGATED COUNTED_ONCE COUNTED_TWICE REQUESTED APPROVED IN_FORCE "
    "SEALED ARRIVED RECEIVED",
    "busy": "GROWING HARVESTED IN_PROCESS PRINTED RESERVED PICKED THAWED THAWING POOLED COUNTED PREPARED INFUSING "
    "REPORTED DONE ISSUED PACKING ON_THE_WAY IN_TRANSIT",
    "stop": "LOCKED INELIGIBLE REJECTED ON_HOLD RECALLED DISCARDED DISPUTED WITHDRAWN OUT_OF_SERVICE PLACED "
    "SCREEN_FAILED RED MISSED MISSING FAILED OUTSIDE UNORDERED",
    "over": "RETIRED SUPERSEDED FINISHED CULTURED QC_USED VOIDED INFUSED RECONCILED COMPLETED CANCELLED LIFTED "
    "DECLINED TAKEN_BACK DISABLED REVOKED CORRECTED INVALIDATED CLOSED ENDED REPLACED",
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}
TONE_ICONS = {
    "good": "check-circle-fill",
    "wait": "hourglass-split",
    "busy": "arrow-repeat",
    "stop": "x-octagon-fill",
    "over": "archive-fill",
    "plain": "circle",
}
STATE_ICONS = {
    "ON_HOLD": "pause-circle-fill", "PLACED": "pause-circle-fill", "RESERVED": "bookmark-fill", "FROZEN": "snow",
    "IN_STOCK": "box-seam-fill", "THAWING": "stopwatch-fill", "THAWED": "stopwatch-fill", "GROWING": "flower1",
    "INFUSING": "droplet-half", "PRINTED": "tag-fill", "DISCARDED": "trash3-fill", "PICKED": "hand-index-thumb-fill",
    "ON_THE_WAY": "truck", "IN_TRANSIT": "truck", "SEALED": "lock-fill", "ARRIVED": "box-arrow-in-down",
    "RECEIVED": "box-arrow-in-down", "LOCKED": "lock-fill",
}  # fmt: skip
KIND_ICONS = {
    "donor": "person-heart", "consent": "file-earmark-check", "donation": "heart-pulse", "culture": "flower1",
    "lot": "collection", "vial": "capsule", "reagent_lot": "droplet", "storage_unit": "boxes",
    "stock_count": "clipboard-check",
    "test_result": "clipboard2-data", "hold": "pause-circle", "subject": "person-vcard", "weight": "speedometer2",
    "dose": "eyedropper", "dose_paper": "file-earmark-text", "correction": "pencil-square",
    "person": "person", "account_change": "person-gear", "api_token": "key", "definition": "file-earmark-text",
    "probe": "thermometer-snow", "reading_import": "graph-down", "excursion": "thermometer-high",
    "sample": "eyedropper", "deviation": "exclamation-diamond", "corrective_action": "tools",
    "batch_review": "journal-check", "conditional_release": "hourglass-split",
    "recall_notice": "megaphone", "treatment_decision": "signpost-split",
    "training": "mortarboard", "document_issue": "file-earmark-pdf",
    "freezer_run": "graph-down-arrow",
    "trail_review": "journal-text", "printing": "printer", "scan": "upc-scan", "site": "building",
    "shipment": "truck",
}  # fmt: skip


@dataclass(frozen=True)
class StateFace:
    """How a state is shown."""

    tone: str
    icon: str
    word: str


def face(state: str) -> StateFace:
    """Tone, icon and word of a state."""
    tone = TONE_OF.get(state, "plain")
    return StateFace(tone, STATE_ICONS.get(state, TONE_ICONS[tone]), word(state))


def word(name: str) -> str:
    """A name of the code as a word for people, translated: IN_STOCK is 'In stock'."""
    text = name.replace("_", " ").strip()
    if text.isupper() or text.islower():
        text = text.capitalize()
    return gettext(text) if text else ""


def choice(option: str) -> str:
    """One of the choices of a form: a column in the lab's words, any other name of the code as a word."""
    return called(option) if option in WORDS else word(option)


def called(name: str) -> str:
    """What a column, or what an act answers under this name, is called: in the lab's words, translated."""
    return gettext(told("", name).label)


def within(name: str) -> str:
    """A fact within a sentence: names of the code as words, translated; anything else as it is."""
    said = plain_word(name)
    return said if said == name else gettext(said.capitalize()).lower()


def of_another_site(site: str) -> str:
    """What is said of a record that is kept at this other site: nothing but whom to ask."""
    return gettext("This is of the site %(site)s. Ask there, or switch to that site if you work there.", site=site)


def for_scripts() -> dict[str, str]:
    """What the scripts say."""
    return {
        "sending": gettext("Working…"),
        "twice": gettext("Already in the list: {code}"),
        "notHere": gettext("{code} does not belong in this form. Scan it again to leave the form."),
        "removed": gettext("Remove {code}"),
        "cells": gettext("= {number} ×10⁶ cells"),
        "wrong": gettext("Wrong name or password."),
        "offline": gettext("The server does not answer. Nothing was sent; try again."),
        "soundOn": gettext("Sounds are on"),
        "soundOff": gettext("Sounds are off"),
        "waiting": gettext("not yet sent"),
        "done": gettext("recorded"),
        "refused": gettext("refused"),
        "away": gettext("The server does not answer. Scan on: nothing is lost, all is sent when it is back."),
        "unsent": gettext("Scans wait to be sent. Open the box:"),
        "full": gettext("No position is free."),
        "notVial": gettext("{code} is no vial: nothing was recorded."),
        "missing": gettext("missing"),
        "moved": gettext("moved"),
        "extra": gettext("extra"),
        "foreign": gettext("foreign"),
        "unreadable": gettext("unreadable"),
        "left": gettext("{time} left"),
        "over": gettext("Time is over since {time}"),
    }
