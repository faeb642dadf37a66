"""Who acts, and what a signature says: the roles, their groups, the meanings."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may be. An administrator holds no other role: accounts without any power over product."""

    TECHNICIAN = "technician"
    QUALITY_OFFICER = "quality_officer"
    CLINICIAN = "clinician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"  # the installation itself: the first account, an unreadable scan of nobody


class Meaning(StrEnum):
    """What a signature says (21 CFR 11.50)."""

    PERFORMED = "performed"
    VERIFIED = "verified"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"


T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR
TECH, QO, ADMIN = frozenset({T}), frozenset({Q}), frozenset({A})
LAB = frozenset({T, Q})
FLOOR = frozenset({T, Q, C})  # everybody who works on product or with subjects
SIGNERS = FLOOR | {A}  # who signs, also about accounts
BEDSIDE = frozenset({C})
EVERYBODY = frozenset({T, Q, C, A, Role.AUDITOR})
READS_ALL_SITES = frozenset({A, Role.AUDITOR})  # what is kept at any site: who administers it, and who audits it
ACCOUNTS = frozenset({A, Q})  # who decides about accounts: two of them for each that signs
