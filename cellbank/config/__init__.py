"""The settings in force: read and checked once, at start-up, with all that is wrong at once."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cellbank.config.key_file import SECRET_KEY_FILE, ConfigProblem, kept_key
from cellbank.config.settings import NOT_SETTINGS, PREFIX, SETTINGS
from cellbank.domain.addresses import MailServer
from cellbank.domain.lifecycle.roles import Role


@dataclass(frozen=True)
class Config:
    """The settings in force, checked. Each field is the setting of that name; SETTINGS says what it means."""

    data: Path
    # None: the embedded server in the data folder. May hold a password, so neither is in the repr.
    database_url: str | None = field(repr=False)
    owner_database_url: str | None = field(repr=False)
    secret_key: str = field(repr=False)
    host: str
    port: int
    workers: int
    fin: str
    fin_registered: bool
    site_name: str
    timezone: ZoneInfo
    idle_minutes: int
    bedside_idle_minutes: int
    session_hours: int
    session_days: int
    key_days: int
    code_hours: int
    lockout_failures: int
    lockout_minutes: int
    address_failures: int
    desk_days: int
    wrong_identities: int
    password_length: int
    password_days: int
    second_factor_roles: frozenset[Role]
    language: str
    printer: str
    form_printer: str
    concurrent_logins: int
    hosts: tuple[str, ...]  # as they stand in a request: an IPv6 address in brackets
    proxies: tuple[str, ...]
    secure_cookies: bool
    watch_seconds: int
    clock_seconds: int
    late_after_minutes: int
    offline_minutes: int
    heads: Path | None
    heads_seconds: int
    check_hours: int

    @property
    def head_file(self) -> Path:
        """The file of signed heads: in a folder of its own in the data folder, unless another one is set."""
        return self.heads or self.data / "heads" / "heads.jsonl"

    smtp_url: MailServer | None
    mail_from: str
    mail_seconds: int
    mail_hours: int
    public_url: str | None


def load(environ: Mapping[str, str]) -> Config:
    """Read and check all settings, make the data folder and, the first time, the secret key in it.

    Raises ConfigProblem with every wrong value at once: the variable, what it must be, what was given.
    """
    values, problems = _read_all(environ)
    problems = _unknown_variables(environ) + problems + _contradictions(values)
    if problems:
        raise ConfigProblem(problems)
    _make_data_folder(values["data"])
    values["hosts"] = _trusted(values["host"], values["hosts"])
    if values["secure_cookies"] is None:
        values["secure_cookies"] = not all(map(_is_here, values["hosts"]))
    values["secret_key"] = values["secret_key"] or kept_key(values["data"] / SECRET_KEY_FILE)
    return Config(**values)


def _read_all(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values by field, without those that are wrong, and the complaints about these."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in SETTINGS:
        text = environ.get(setting.variable, "").strip() or setting.default
        try:
            values[setting.field] = setting.rule.read(text)
        except ValueError:
            problems.append(setting.complaint(text))
    return values, problems


LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # addresses to listen on, and not to be reached by


def _is_here(host: str) -> bool:
    """Whether this name leads to this machine and nowhere else."""
    bare = host.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"


def _trusted(host: str, named: tuple[str, ...]) -> tuple[str, ...]:
    """The names by which the site may be reached, as they stand in a request."""
    here = LOOPBACK if _is_here(host) else ()
    return tuple(f"[{name}]" if ":" in name else name for name in dict.fromkeys((*named, host.lower(), *here)))


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {setting.variable for setting in SETTINGS} | NOT_SETTINGS
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    names = ", ".join(sorted(setting.variable for setting in SETTINGS))
    return [f"{name} is not a setting of cellbank; the settings are {names}." for name in unknown]


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Values that are right alone and wrong together."""
    problems = []
    if values.get("host") in EVERYWHERE and values.get("hosts") == ():
        problems.append(
            f"CELLBANK_HOSTS must name the hosts by which the site is reached when CELLBANK_HOST is {values['host']}."
        )
    fin, registered = values.get("fin", ""), values.get("fin_registered")
    set_aside = str(fin).startswith("A999")
    if fin and registered is False and not set_aside:
        problems.append(f"CELLBANK_FIN must be A9990 to A9999 if CELLBANK_FIN_REGISTERED is no; not {fin!r}.")
    if fin and registered is True and set_aside:
        problems.append(f"CELLBANK_FIN_REGISTERED must be no for {fin!r}, a number set aside for validation.")
    if values.get("smtp_url") and values.get("mail_from") == "":
        problems.append("CELLBANK_MAIL_FROM must be set when CELLBANK_SMTP_URL is; it is empty.")
    url, owner_url = values.get("database_url"), values.get("owner_database_url")
    if owner_url and not url:
        problems.append("CELLBANK_DATABASE_URL must be set when CELLBANK_OWNER_DATABASE_URL is; it is empty.")
    if url and owner_url and urlsplit(url).username == urlsplit(owner_url).username:
        problems.append(
            "CELLBANK_DATABASE_URL must name another role than CELLBANK_OWNER_DATABASE_URL, because the "
            f"owner of the tables could switch the trail off; both name {urlsplit(url).username!r}."
        )
    return problems


def _make_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("no permission to write in it")
    except OSError as error:
        reason = error.strerror or error
        problem = f"CELLBANK_DATA must be a folder that can be written; not {str(folder)!r} ({reason})."
        raise ConfigProblem([problem]) from error
