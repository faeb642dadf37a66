"""Addresses, and what a message says."""

import datetime

import pytest

from cellbank.domain.addresses import read_address, read_mail_server
from cellbank.domain.messages import WORDS, Template, in_words, pause_after
from cellbank.outside.mail import compose

VALUES = {
    "account": "olena", "person": "Olena", "at": "2026-03-02T08:00:00+00:00", "until": "2026-03-02T08:15:00+00:00",
    "roles": ["quality_officer"], "sites": [], "whom": "Petro",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Olena.K+x@Bank.Example", "Olena.K+x@bank.example"),
        (" o@bank.example ", "o@bank.example"),
        ("o@банк.example", "o@xn--80ab2al.example"),
    ],
)
def test_an_address_is_kept_in_ascii(given: str, kept: str) -> None:
    assert read_address(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", "olena", "@bank.example", "o@", "o@bank", "o@@bank.example", "о@bank.example", "o@bank.example\nBcc: x@y.z",
        "o\r\n@bank.example", "Olena <o@bank.example>", "a@b.c, d@e.f", ".o@bank.example", "o@-bank.example",
        "o@bank..example", f"{'o' * 65}@bank.example", f"o@{'b' * 64}.example", f"o@{'installation.' * 60}example",
        "o@[10.0.0.1]",
    ],
)  # fmt: skip
def test_anything_else_is_no_address(given: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read_address(given)


@pytest.mark.parametrize(
    ("url", "encryption", "port"),
    [
        ("smtps://u:p%40ss@mail.example", "whole", 465), ("smtp://mail.example", "starttls", 587),
        ("smtp://mail.example:25", "starttls", 25), ("smtp://127.0.0.1:25", "none", 25), ("smtp://[::1]", "none", 587),
        ("smtp://localhost", "none", 587), ("smtp://localhost.evil.example", "starttls", 587),
    ],
)  # fmt: skip
def test_the_way_to_the_mail_server_is_closed_unless_it_is_this_machine(url: str, encryption: str, port: int) -> None:
    server = read_mail_server(url)
    assert (server.encryption, server.port) == (encryption, port)
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "smtp://h:0", "smtp://h/x", "smtp://:p@h", "mail"])
def test_anything_else_is_no_mail_server(url: str) -> None:
    with pytest.raises(ValueError):
        read_mail_server(url)


@pytest.mark.parametrize("template", Template)
def test_every_message_says_what_was_done_and_what_to_do(template: Template) -> None:
    letter = in_words(template, VALUES, say=str, time=str, link=None, twice=False)
    assert letter.subject == WORDS[template][0] and "olena" in letter.body and "{" not in letter.body
    assert "tell an administrator" in letter.body


def test_a_message_is_said_in_the_readers_language_and_on_their_clock() -> None:
    letter = in_words(
        Template.ROLES,
        {**VALUES, "asked": "Ada", "by": "Quinn"},
        say=lambda words: f"uk:{words}",
        time=lambda at: f"{at[11:16]} here",
        link="https://cells.example",
        twice=True,
    )
    assert letter.subject == "uk:Your roles were changed" and "uk:Quality officer" in letter.body
    assert "on 08:00 here" in letter.body and "Asked for by Ada, confirmed by Quinn." in letter.body
    assert "https://cells.example" in letter.body and "may have reached you before" in letter.body


def test_whoever_is_called_so_adds_no_line() -> None:
    names = {**VALUES, "person": "Eve\r\nBcc: all@bank.example\n\n", "by": "Ada\nFrom: x@y.z", "sites": ["A\nB"]}
    body = in_words(Template.SITES, names, say=str, time=str, link=None, twice=False).body
    assert not [line for line in body.splitlines() if line.startswith(("Bcc", "From", "B."))]


@pytest.mark.parametrize("where", ["sender", "recipient", "message_id", "subject"])
def test_no_header_gets_a_second_line(where: str) -> None:
    parts = {"sender": "a@b.example", "recipient": "c@d.example", "message_id": "1@b", "subject": "Hello", "body": "."}
    at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    with pytest.raises(ValueError, match=r"linefeed|carriage|newline"):
        compose(**{**parts, where: f"{parts[where]}\r\nBcc: all@bank.example"}, at=at)


def test_the_pause_grows_up_to_half_an_hour() -> None:
    minutes = [pause_after(attempt) / datetime.timedelta(minutes=1) for attempt in (1, 2, 3, 4, 5, 6, 900)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30]
