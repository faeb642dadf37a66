"""The settings: defaults, every wrong value named at once, the secret key made once."""

import dataclasses
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cellbank.config import Config, load
from cellbank.config.key_file import ConfigProblem
from cellbank.config.settings import SETTINGS

KEY = "k" * 32


@pytest.fixture
def environ(tmp_path):
    """Settings that are right: the data folder of the test, everything else left at its default."""
    return {"CELLBANK_DATA": str(tmp_path / "data")}


def problems_of(environ):
    with pytest.raises(ConfigProblem) as caught:
        load(environ)
    return caught.value.problems


def test_defaults_are_a_site_without_a_registered_number_on_this_machine_only(environ, tmp_path):
    config = load(environ)
    assert dataclasses.replace(config, secret_key="") == Config(
        data=tmp_path / "data",
        database_url=None,
        owner_database_url=None,
        secret_key="",
        host="127.0.0.1",
        port=8080,
        workers=2,
        fin="A9999",
        fin_registered=False,
        site_name="Demonstration site",
        timezone=ZoneInfo("Europe/Kyiv"),
        idle_minutes=15,
        bedside_idle_minutes=5,
        session_hours=12,
        session_days=30,
        key_days=90,
        code_hours=72,
        lockout_failures=5,
        lockout_minutes=15,
        address_failures=10,
        desk_days=180,
        wrong_identities=5,
        password_length=10,
        password_days=0,
        second_factor_roles=frozenset(),
        language="en",
        printer="folder",
        form_printer="folder",
        concurrent_logins=2,
        hosts=("127.0.0.1", "localhost", "[::1]"),
        proxies=(),
        secure_cookies=False,
        watch_seconds=60,
        clock_seconds=120,
        late_after_minutes=10,
        offline_minutes=60,
        heads=None,
        heads_seconds=60,
        check_hours=24,
        smtp_url=None,
        mail_from="",
        mail_seconds=5,
        mail_hours=72,
        public_url=None,
    )


def test_every_setting_is_a_field_and_every_field_a_setting():
    assert [setting.field for setting in SETTINGS] == [field.name for field in dataclasses.fields(Config)]


def test_default_data_folder_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({}).data == tmp_path / ".local" / "share" / "cellbank"


def test_a_site_can_set_everything(environ):
    config = load(
        environ
        | {
            "CELLBANK_DATABASE_URL": "postgresql://app:secret@db.example:5432/cellbank",
            "CELLBANK_OWNER_DATABASE_URL": "postgresql+psycopg://owner:secret@db.example/cellbank",
            "CELLBANK_SECRET_KEY": KEY,
            "CELLBANK_HOST": "0.0.0.0",
            "CELLBANK_HOSTS": "Bank.Clinic.example, 10.0.0.7",
            "CELLBANK_PORT": "80",
            "CELLBANK_FIN": "G1234",
            "CELLBANK_FIN_REGISTERED": "yes",
            "CELLBANK_SITE_NAME": "  Інститут клітинної терапії  ",
            "CELLBANK_TIMEZONE": "America/New_York",
            "CELLBANK_LANGUAGE": "uk",
            "CELLBANK_PRINTER": "lp:Zebra_GX430t",
            "CELLBANK_SECURE_COOKIES": "yes",
        }
    )
    assert config.database_url == "postgresql+psycopg://app:secret@db.example:5432/cellbank"
    assert config.owner_database_url == "postgresql+psycopg://owner:secret@db.example/cellbank"
    assert (config.secret_key, config.host, config.port) == (KEY, "0.0.0.0", 80)
    assert (config.fin, config.fin_registered) == ("G1234", True)
    assert config.site_name == "Інститут клітинної терапії"
    assert config.timezone.key == "America/New_York"
    assert (config.language, config.printer, config.secure_cookies) == ("uk", "lp:Zebra_GX430t", True)


@pytest.mark.parametrize("host", ["::1", "10.0.0.7", "localhost", "lab-1.hospital.example"])
def test_host_may_be_an_address_or_a_name(environ, host):
    assert load(environ | {"CELLBANK_HOST": host}).host == host


@pytest.mark.parametrize(
    ("given", "hosts", "secure"),
    [
        ({}, ("127.0.0.1", "localhost", "[::1]"), False),
        ({"HOST": "::1"}, ("[::1]", "localhost", "127.0.0.1"), False),
        ({"HOST": "10.0.0.7"}, ("10.0.0.7",), True),
        ({"HOST": "0.0.0.0", "HOSTS": "Bank.example"}, ("bank.example", "0.0.0.0"), True),
        ({"HOSTS": "bank.example,[fd00::7]"}, ("bank.example", "[fd00::7]", "127.0.0.1", "localhost", "[::1]"), True),
        ({"HOST": "10.0.0.7", "SECURE_COOKIES": "no"}, ("10.0.0.7",), False),
        ({"SECURE_COOKIES": "yes"}, ("127.0.0.1", "localhost", "[::1]"), True),
    ],
)
def test_a_site_is_reached_by_its_names_alone_and_off_this_machine_by_https(environ, given, hosts, secure):
    config = load(environ | {f"CELLBANK_{name}": value for name, value in given.items()})
    assert (config.hosts, config.secure_cookies) == (hosts, secure)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_whoever_listens_everywhere_says_by_which_names(environ, host):
    (problem,) = problems_of(environ | {"CELLBANK_HOST": host})
    assert "CELLBANK_HOSTS must name" in problem


WRONG = [
    ("DATA", "var/data"),
    ("DATABASE_URL", "mysql://app@db/cellbank"),
    ("DATABASE_URL", "postgresql://app@db"),
    ("DATABASE_URL", "postgresql://app@db:0/cellbank"),
    ("DATABASE_URL", "postgresql://app@db:99999/cellbank"),
    ("OWNER_DATABASE_URL", "cellbank"),
    ("SECRET_KEY", "k" * 31),
    ("HOST", "not a host"),
    ("HOST", "300.1.2.3"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "80.5"),
    ("PORT", "-1"),
    ("PORT", "٨٠"),
    ("WORKERS", "0"),
    ("FIN", "O9999"),
    ("FIN", "a9999"),
    ("FIN", "A99999"),
    ("FIN_REGISTERED", "maybe"),
    ("SITE_NAME", "n" * 61),
    ("SITE_NAME", "two\nlines"),
    ("TIMEZONE", "Europe/Atlantis"),
    ("TIMEZONE", "Europe"),
    ("TIMEZONE", "../etc/passwd"),
    ("IDLE_MINUTES", "0"),
    ("BEDSIDE_IDLE_MINUTES", "61"),
    ("SESSION_HOURS", "0"),
    ("KEY_DAYS", "401"),
    ("CODE_HOURS", "721"),
    ("SESSION_DAYS", "13"),
    ("WRONG_IDENTITIES", "0"),
    ("LOCKOUT_FAILURES", "0"),
    ("LOCKOUT_MINUTES", "1441"),
    ("ADDRESS_FAILURES", "0"),
    ("DESK_DAYS", "401"),
    ("PASSWORD_LENGTH", "7"),
    ("PASSWORD_DAYS", "-1"),
    ("SECOND_FACTOR_ROLES", "quality_officer, chief"),
    ("SECOND_FACTOR_ROLES", "system"),
    ("LANGUAGE", "de"),
    ("OFFLINE_MINUTES", "241"),
    ("PRINTER", "lp:"),
    ("FORM_PRINTER", "fax"),
    ("PRINTER", "lp:a; rm"),
    ("PRINTER", "lp:-o"),
    ("CONCURRENT_LOGINS", "0"),
    ("WATCH_SECONDS", "3601"),
    ("CLOCK_SECONDS", "4"),
    ("LATE_AFTER_MINUTES", "0"),
    ("SECURE_COOKIES", "1"),
    ("HOSTS", "bank.example:443"),
    ("HOSTS", "*"),
    ("PROXIES", "the proxy"),
    ("PROXIES", "10.0.0.0/8"),
    ("HEADS", "heads.jsonl"),
    ("HEADS_SECONDS", "61"),
    ("CHECK_HOURS", "721"),
    ("SMTP_URL", "http://user:secret@mail.example"),
    ("MAIL_FROM", "Cellbank <cellbank@bank.example>"),
    ("MAIL_SECONDS", "3601"),
    ("MAIL_HOURS", "0"),
    ("PUBLIC_URL", "cells.example"),
    ("PUBLIC_URL", "https://cells.example/?to=evil"),
]


@pytest.mark.parametrize(("name", "given"), WRONG)
def test_wrong_value_is_refused_with_the_variable_the_limit_and_the_value(environ, name, given):
    setting = next(setting for setting in SETTINGS if setting.name == name)
    (problem,) = problems_of(environ | {f"CELLBANK_{name}": given})
    assert problem.startswith(f"CELLBANK_{name} must be {setting.rule.limit}; ")
    assert (repr(given) in problem) is not setting.secret


@pytest.mark.requirement("R24")
def test_every_setting_has_a_wrong_value_in_these_tests():
    assert {name for name, _ in WRONG} == {setting.name for setting in SETTINGS}


def test_a_mail_server_needs_an_address_from_which_messages_come(environ):
    (problem,) = problems_of(environ | {"CELLBANK_SMTP_URL": "smtp://u:secret@localhost"})
    assert problem.startswith("CELLBANK_MAIL_FROM must be set") and "secret" not in problem


def test_all_wrong_values_are_listed_at_once(environ):
    wrong = {"CELLBANK_PORT": "http", "CELLBANK_TIMEZONE": "Kyiv", "CELLBANK_PROT": "80"}
    assert [problem.split()[0] for problem in problems_of(environ | wrong)] == [
        "CELLBANK_PROT",
        "CELLBANK_PORT",
        "CELLBANK_TIMEZONE",
    ]


def test_unknown_variable_is_refused_with_the_names_that_there_are(environ):
    (problem,) = problems_of(environ | {"CELLBANK_PROT": "80"})
    assert "CELLBANK_PROT is not a setting" in problem
    assert "CELLBANK_PORT" in problem


def test_the_switch_of_the_test_suite_and_variables_of_others_are_left_alone(environ):
    assert load(environ | {"CELLBANK_REQUIRE_ALL": "1", "PATH": "/bin"}).port == 8080


def test_a_variable_set_to_nothing_counts_as_not_set(environ):
    assert load(environ | {"CELLBANK_PORT": "", "CELLBANK_DATABASE_URL": " "}).port == 8080


def test_passwords_are_in_no_message_and_in_no_repr(environ):
    urls = {"CELLBANK_DATABASE_URL": "mysql://app:tulip@db/c", "CELLBANK_SECRET_KEY": "daffodil"}
    for problem in problems_of(environ | urls):
        assert "tulip" not in problem
        assert "daffodil" not in problem
    right = {"CELLBANK_DATABASE_URL": "postgresql://app:tulip@db/c", "CELLBANK_SECRET_KEY": KEY}
    config = load(environ | right)
    assert "tulip" not in repr(config)
    assert KEY not in repr(config)


def test_a_number_that_is_not_registered_must_be_one_set_aside_for_that(environ):
    (problem,) = problems_of(environ | {"CELLBANK_FIN": "G1234"})
    assert "A9990 to A9999" in problem
    assert "'G1234'" in problem
    (problem,) = problems_of(environ | {"CELLBANK_FIN_REGISTERED": "yes"})
    assert "CELLBANK_FIN_REGISTERED must be no for 'A9999'" in problem


def test_the_application_may_not_work_as_the_owner_of_the_tables(environ):
    url = "postgresql://cellbank:tulip@db/cellbank"
    (problem,) = problems_of(environ | {"CELLBANK_DATABASE_URL": url, "CELLBANK_OWNER_DATABASE_URL": url})
    assert "must name another role" in problem
    assert "tulip" not in problem


def test_an_owner_url_alone_is_refused_for_it_would_migrate_another_database(environ):
    (problem,) = problems_of(environ | {"CELLBANK_OWNER_DATABASE_URL": "postgresql://owner@db/cellbank"})
    assert problem.startswith("CELLBANK_DATABASE_URL must be set")


def test_secret_key_is_made_once_and_kept_for_its_owner_alone(environ, tmp_path):
    first, second = load(environ).secret_key, load(environ).secret_key
    kept = tmp_path / "data" / "secret_key"
    assert first == second == kept.read_text()
    assert len(first) >= 32
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_get_the_same_secret_key(environ):
    keys, together = [], threading.Barrier(8)

    def load_together():
        together.wait()
        keys.append(load(environ).secret_key)

    threads = [threading.Thread(target=load_together) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_no_secret_key_is_made_when_it_is_given_or_when_the_start_is_refused(environ, tmp_path):
    problems_of(environ | {"CELLBANK_PORT": "http"})
    assert not (tmp_path / "data").exists()
    load(environ | {"CELLBANK_SECRET_KEY": KEY})
    assert not (tmp_path / "data" / "secret_key").exists()


def test_secret_key_that_others_can_read_or_that_was_cut_is_refused(environ, tmp_path):
    load(environ)
    kept = tmp_path / "data" / "secret_key"
    kept.chmod(0o640)
    assert "chmod 600" in problems_of(environ)[0]
    kept.chmod(0o600)
    kept.write_text("short")
    assert "at least 32 characters" in problems_of(environ)[0]


def test_data_folder_that_cannot_be_made_is_named_with_the_reason(environ, tmp_path):
    (tmp_path / "file").write_text("")
    (problem,) = problems_of({"CELLBANK_DATA": str(tmp_path / "file" / "data")})
    assert problem.startswith("CELLBANK_DATA must be a folder that can be written")
    assert "Not a directory" in problem


def test_settings_cannot_be_changed_after_the_start(environ):
    config = load(environ)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.port = 1


@pytest.mark.requirement("R24")
def test_the_operations_page_has_every_setting_as_it_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
    for setting in SETTINGS:
        row = f"| `{setting.variable}` | {setting.default or '–'} | {setting.rule.limit} | {setting.meaning} |"
        assert row in page, setting.variable
