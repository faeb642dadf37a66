"""Every setting of cellbank, in one table: what it is called, what it may be, what it is when nobody sets it.

A setting is an environment variable `CELLBANK_<NAME>`; `load` reads them all, once, at start-up, and refuses
to start on a wrong one. A variable that is set to nothing counts as not set. One that starts with CELLBANK_
and is not in the table is refused as well: a mistyped name would leave the default in force unnoticed.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cellbank.domain.addresses import MailServer, read_address, read_mail_server
from cellbank.domain.lifecycle.roles import Role

PREFIX = "CELLBANK_"
# Read by the test suite alone; a server that inherits it from a build job starts all the same.
NOT_SETTINGS = frozenset({"CELLBANK_REQUIRE_ALL"})
SECRET_KEY_MIN_LENGTH = 32


@dataclass(frozen=True)
class Rule:
    """What a value may be, in words, and the function that reads it or raises ValueError."""

    limit: str
    read: Callable[[str], object]


@dataclass(frozen=True)
class Setting:
    """One row of the table of settings."""

    name: str
    default: str
    rule: Rule
    meaning: str
    # A secret may hold a password or a key: what was given is never repeated in a message or a log.
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable, such as CELLBANK_PORT."""
        return PREFIX + self.name

    @property
    def field(self) -> str:
        """The field of Config, such as port."""
        return self.name.lower()

    def complaint(self, given: str) -> str:
        """The sentence for a value that is not allowed."""
        shown = "what is given is not (a secret, so not shown)" if self.secret else f"not {given!r}"
        return f"{self.variable} must be {self.rule.limit}; {shown}."


def whole_number(low: int, high: int) -> Rule:
    """A whole number between two limits, both included, in ASCII digits."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Rule(f"a whole number from {low} to {high}", read)


def one_of(*words: str) -> Rule:
    """One word of a few, as written."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Rule(" or ".join(words), read)


def pattern(limit: str, regex: str) -> Rule:
    """Text that matches a regular expression from end to end."""

    def read(text: str) -> str:
        if not re.fullmatch(regex, text):
            raise ValueError(text)
        return text

    return Rule(limit, read)


def _read_yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(text)
    return text == "yes"


def _read_folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError(text)
    return path


def _read_file(text: str) -> Path | None:
    return _read_folder(text) if text else None


def _read_database_url(text: str) -> str | None:
    """The URL with psycopg 3 named as the driver, or None for the embedded server."""
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("postgresql", "postgresql+psycopg") or not parts.path.strip("/"):
        raise ValueError(text)
    if parts.port == 0:  # reading .port raises ValueError for everything else that is no port
        raise ValueError(text)
    return "postgresql+psycopg" + text.removeprefix(parts.scheme)


def _read_secret_key(text: str) -> str:
    if text and len(text) < SECRET_KEY_MIN_LENGTH:
        raise ValueError(text)
    return text


def _read_host(text: str) -> str:
    """An address as it is; a name only if it could be one (granian would fail on it much later)."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", text):
            raise
        return text


def _read_timezone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, OSError) as error:  # no such zone; a folder of zones, such as "Europe"
        raise ValueError(text) from error


def _read_roles(text: str) -> frozenset[Role]:
    roles = frozenset(Role(name.strip()) for name in text.split(",") if name.strip())
    if Role.SYSTEM in roles:
        raise ValueError(text)
    return roles


def _read_yes_or_no_or_nothing(text: str) -> bool | None:
    return _read_yes_or_no(text) if text else None


def _read_hosts(text: str) -> tuple[str, ...]:
    return tuple(_read_host(name.strip().strip("[]")).lower() for name in text.split(",") if name.strip())


def _read_addresses(text: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_address(one.strip())) for one in text.split(",") if one.strip())


def _read_smtp_url(text: str) -> MailServer | None:
    return read_mail_server(text) if text else None


def _read_mail_from(text: str) -> str:
    return read_address(text) if text else ""


def _read_public_url(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(text)
    if parts.port == 0 or not re.fullmatch(r"[!-~]{1,200}", text):
        raise ValueError(text)
    return text


_hosts = Rule("host names or IP addresses without ports, with commas between them, or empty", _read_hosts)
_yes_or_no = Rule("yes or no", _read_yes_or_no)
_database_url = Rule("postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE, or empty", _read_database_url)
_fin = pattern("5 characters: A-N, P-Z or 1-9, two of A-N, P-Z or 0-9, two digits", "[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}")
_secret_key = Rule(f"at least {SECRET_KEY_MIN_LENGTH} characters, or empty", _read_secret_key)
SETTINGS: tuple[Setting, ...] = (
    Setting("DATA", "~/.local/share/cellbank", Rule("a folder, written from / or ~", _read_folder),
            "Folder for the embedded database, the secret key and printed labels."),
    Setting("DATABASE_URL", "", _database_url,
            "Server and role that the application works with; empty: the embedded server.", secret=True),
    Setting("OWNER_DATABASE_URL", "", _database_url,
            "The same database as the owner of the tables; only `cellbank migrate` and `user` use it.", secret=True),
    Setting("SECRET_KEY", "", _secret_key,
            "Key that signs the session cookies; empty: one made and kept in the data folder.", secret=True),
    Setting("HOST", "127.0.0.1", Rule("an IP address or a host name", _read_host),
            "Address that the server listens on."),
    Setting("PORT", "8080", whole_number(1, 65535), "Port that the server listens on."),
    Setting("WORKERS", "2", whole_number(1, 64), "Processes that answer requests."),
    Setting("FIN", "A9999", _fin, "The site's facility identification number (ISBT 128)."),
    Setting("FIN_REGISTERED", "no", _yes_or_no,
            "Whether ICCBBA registered this number; if not, it must be A9990 to A9999 and labels say so."),
    Setting("SITE_NAME", "Demonstration site", pattern("1 to 60 characters on one line", r"[^\r\n\t]{1,60}"),
            "The site's name on pages and labels."),
    Setting("TIMEZONE", "Europe/Kyiv", Rule("an IANA time zone, such as Europe/Kyiv", _read_timezone),
            "Zone in which times are shown; they are kept in UTC."),
    Setting("IDLE_MINUTES", "15", whole_number(1, 480),
            "Minutes without work after which a person is logged out."),
    Setting("BEDSIDE_IDLE_MINUTES", "5", whole_number(1, 60), "The same on the bedside pages."),
    Setting("SESSION_HOURS", "12", whole_number(1, 168),
            "Hours after which a person proves the password again, however busy they are."),
    Setting("SESSION_DAYS", "30", whole_number(14, 400),
            "Days after which a session that is over is forgotten; who signed in and out stays in the trail."),
    Setting("KEY_DAYS", "90", whole_number(1, 400), "Days for which a key of a program is valid at most."),
    Setting("CODE_HOURS", "72", whole_number(1, 720),
            "Hours for which a code that is handed over to a person is good: of a first password, of a second factor."),
    Setting("LOCKOUT_FAILURES", "5", whole_number(1, 100),
            "Wrong passwords in a row from outside that lock an account; as many where somebody is known or signed in "
            "lock the screen, and each further one waits, for a minute at most."),
    Setting("LOCKOUT_MINUTES", "15", whole_number(1, 1440),
            "Minutes for which it is locked, but for screens where its owner has signed in before and sessions that "
            "stand."),
    Setting("ADDRESS_FAILURES", "10", whole_number(1, 100000),
            "Wrong names and passwords from one address within a quarter of an hour after which it waits, longer each "
            "time; screens where the person has signed in before do not."),
    Setting("DESK_DAYS", "180", whole_number(1, 400),
            "Days for which a screen goes on knowing a person who has signed in at it and comes no more."),
    Setting("WRONG_IDENTITIES", "5", whole_number(1, 100),
            "Wrong identities of a patient at the bedside, by one person within a quarter of an hour, after which each "
            "further check waits, for a minute at most."),
    Setting("PASSWORD_LENGTH", "10", whole_number(8, 64), "Characters that a new password has at least."),
    Setting("PASSWORD_DAYS", "0", whole_number(0, 3650),
            "Days after which a password must be changed before anything else; 0: never."),
    Setting("SECOND_FACTOR_ROLES", "", Rule("roles with commas between them, or empty", _read_roles),
            "Roles that sign in and sign with a one-time code of an authenticator app as well, such as "
            "`quality_officer,administrator`."),
    Setting("LANGUAGE", "en", one_of("en", "uk"), "Language for a person who has not chosen one."),
    Setting("PRINTER", "folder", pattern("folder or lp:QUEUE", r"folder|lp:[A-Za-z0-9_][A-Za-z0-9_.-]*"),
            "Where labels go: PDF files in the data folder, or a queue of the system's `lp`."),
    Setting("FORM_PRINTER", "folder",
            pattern("folder, none or lp:QUEUE", r"folder|none|lp:[A-Za-z0-9_][A-Za-z0-9_.-]*"),
            "Where the bedside form (A4) goes that is printed with each dose label; none: people print it themselves."),
    Setting("CONCURRENT_LOGINS", "2", whole_number(1, 64),
            "Passwords proved at the same time in one process; each takes 64 MiB and 0.1 s of a core."),
    Setting("HOSTS", "", _hosts,
            "Names by which browsers and programs reach the site, with commas between them; every other is refused. "
            "Empty: those of HOST alone."),
    Setting("PROXIES", "", Rule("IP addresses with commas between them, or empty", _read_addresses),
            "Addresses of the reverse proxies in front: what they say of who asked, and by HTTPS, is believed."),
    Setting("SECURE_COOKIES", "", Rule("yes, no or empty", _read_yes_or_no_or_nothing),
            "Whether the site is reached by HTTPS only, which browsers then remember (HSTS), and cookies travel by it "
            "alone; empty: yes, unless it is reached on this machine only."),
    Setting("WATCH_SECONDS", "60", whole_number(0, 3600),
            "Seconds between two looks of the server for silent probes; 0: a timer runs `cellbank readings watch`."),
    Setting("CLOCK_SECONDS", "120", whole_number(5, 240),
            "Seconds by which the clocks of the server and of its database may differ; beyond, nothing is recorded."),
    Setting("LATE_AFTER_MINUTES", "10", whole_number(1, 1440),
            "Minutes after which what has happened is entered late: it needs a reason, and no permission is asked."),
    Setting("OFFLINE_MINUTES", "60", whole_number(0, 240),
            "Minutes for which the bedside may go on by the last judgement when the network is cut; 0: not at all."),
    Setting("HEADS", "", Rule("a file, written from / or ~, or empty", _read_file),
            "File to which the heads of the trail are added, signed; on a share that only takes additions, if there is "
            "one. Empty: `heads/heads.jsonl` in the data folder."),
    Setting("HEADS_SECONDS", "60", whole_number(0, 60),
            "Seconds between two signatures of heads, where something changed; 0: a timer runs `cellbank trail sign`."),
    Setting("CHECK_HOURS", "24", whole_number(0, 720),
            "Hours between two checks of the whole trail by the server; 0: a timer runs `cellbank trail check`."),
    Setting("SMTP_URL", "",
            Rule("smtps://USER:PASSWORD@HOST:PORT, smtp://USER:PASSWORD@HOST:PORT, or empty", _read_smtp_url),
            "Mail server for messages to people; smtp:// asks for STARTTLS unless it is this machine. Empty: no "
            "messages are sent.", secret=True),
    Setting("MAIL_FROM", "", Rule("an address such as cellbank@bank.example, or empty", _read_mail_from),
            "Address from which messages come."),
    Setting("MAIL_SECONDS", "5", whole_number(0, 3600),
            "Seconds between two looks of the server for messages to send; 0: a timer runs `cellbank outbox send`."),
    Setting("MAIL_HOURS", "72", whole_number(1, 720),
            "Hours after which a message that the mail server does not take is given up."),
    Setting("PUBLIC_URL", "", Rule("https://HOST or http://HOST, with a port and a path or without, or empty",
                                   _read_public_url),
            "Where people reach the site, for the link in messages; empty: messages have none."),
)  # fmt: skip
