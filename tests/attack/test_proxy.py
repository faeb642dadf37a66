"""The shipped configuration of nginx in front of a server that runs: HTTPS outside, the person's own address inside,
and what a stranger sends slowly never reaches the application."""

import datetime
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cellbank.outside import embedded_postgres
from tests.attack.installation import Site, installed, plain_url
from tests.ports import free_port

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # where a user who is not root may write
NAME, PERSON = "bank.example", "127.0.0.3"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.fixture(scope="module")
def program() -> str:
    if NGINX is None:
        if os.environ.get("CELLBANK_REQUIRE_ALL"):
            pytest.fail("nginx is not installed.")
        pytest.skip("nginx is not installed.")
    return NGINX


@pytest.fixture(scope="module")
def site(run_folder: Path) -> Iterator[Site]:
    with installed("proxy", run_folder) as site:
        site.environ |= {"CELLBANK_HOSTS": NAME, "CELLBANK_PROXIES": "127.0.0.1", "CELLBANK_SECURE_COOKIES": "yes"}
        site.start()
        yield site
        site.stop()


@pytest.fixture(scope="module")
def front(site: Site, program: str) -> Iterator[int]:
    """The port on which nginx answers by HTTPS."""
    folder = Path(tempfile.mkdtemp(prefix="cellbank-nginx-"))
    port, plain = free_port(), free_port()
    _make_certificate(folder)
    shipped = CONFIGURATION.read_text()
    for there, here in {
        "127.0.0.1:8080": f"127.0.0.1:{site.port}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/cellbank": str(folder),
        "http {": "http {\n" + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in TEMPORARY),
    }.items():
        assert there in shipped
        shipped = shipped.replace(there, here)
    (folder / "nginx.conf").write_text(f"daemon off;\npid {folder}/pid;\nerror_log {folder}/errors;\n{shipped}")
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _until_it_listens(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def test_people_come_in_by_https_under_the_name_of_the_site(front: int) -> None:
    with asking(front, "GET", "/sign-in") as answer:
        assert answer.status == 200 and "Secure" in answer.headers["Set-Cookie"]
        assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_the_trail_has_the_address_of_the_person_and_not_what_a_browser_says(front: int, site: Site) -> None:
    forged = {"X-Forwarded-For": "203.0.113.5", "Content-Type": "application/json"}
    asked = b'{"name": "tina", "password": "a password of my own", "title": "by the proxy"}'
    with asking(front, "POST", "/api/tokens", asked, forged) as answer:
        assert answer.status == 200, answer.read()
    with embedded_postgres.start(site.folder) as server, psycopg.connect(plain_url(server.owner_url)) as connection:
        made = connection.execute("SELECT client FROM act WHERE name = 'create_token' ORDER BY id DESC").fetchone()
    assert made is not None and made[0].startswith(f"{PERSON} ")


def test_a_body_that_dawdles_is_kept_from_the_application(front: int, site: Site) -> None:
    with socket.create_connection(("127.0.0.1", front)) as plain, _trusting().wrap_socket(plain) as wire:
        wire.settimeout(30)
        wire.sendall(f"POST /sign-in HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 1000\r\n\r\nn".encode())
        began = time.monotonic()
        said = wire.recv(1000)  # the proxy ends it, after ten seconds
    assert time.monotonic() - began > 5 and b"200" not in said[:20]


def test_many_tries_of_a_password_are_slowed_down(front: int) -> None:
    statuses = []
    wire = _connected(front)
    for _ in range(60):
        wire.request("GET", "/sign-in", headers={"Host": NAME})
        answer = wire.getresponse()
        answer.read()
        statuses.append(answer.status)
    wire.close()
    assert statuses[0] == 200 and 429 in statuses


@contextmanager
def asking(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, sent to the name of the site."""
    wire = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=_trusting(), source_address=(PERSON, 0))
    try:
        wire.request(method, path, body, {"Host": NAME, **(headers or {})})
        yield wire.getresponse()
    finally:
        wire.close()


def _connected(port: int) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=_trusting(), source_address=(PERSON, 0))


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("nginx does not listen.")


def _make_certificate(folder: Path) -> None:
    """A certificate of a day for the name of the site, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
