"""The keys of the bedside: kept for their owner alone, made once, added to without losing the old ones."""

import base64
import threading
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cellbank.outside.bedside_keys import FILE, KeyProblem, Keys, NotOpened, add_pair, kept_keys
from tests.factories.sealing import seal


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    found: list[Keys] = []
    threads = [threading.Thread(target=lambda: found.append(kept_keys(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys.newest.id for keys in found}) == 1 and len(found) == 8
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    kept_keys(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(KeyProblem, match="chmod 600"):
        kept_keys(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '[{"id": "a"}]', '[{"id": "a", "signing": "AA==", "opening": "0"}]']
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(KeyProblem, match="holds no keys"):
        kept_keys(tmp_path)


def test_a_signature_fits_its_payload_and_no_other(tmp_path: Path) -> None:
    keys = kept_keys(tmp_path)
    signed = keys.sign('{"dose": "A"}')
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys.newest.public["verify"]))
    public.verify(base64.b64decode(signed["signature"]), signed["payload"].encode())
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signed["signature"]), b'{"dose": "B"}')


def test_what_was_sealed_before_a_new_pair_is_still_opened(tmp_path: Path) -> None:
    before = kept_keys(tmp_path)
    part = seal(before.newest.public, {"id": "1"}, "a secret")
    after = add_pair(tmp_path)
    assert [pair.id for pair in after.pairs][:1] == [before.newest.id] and after.newest.id != before.newest.id
    assert after.open(before.newest.id, **part) == b'"a secret"'
    assert kept_keys(tmp_path).newest.id == after.newest.id


@pytest.mark.parametrize("what", ["header", "once", "nonce", "sealed", "key"])
def test_an_altered_envelope_is_not_opened(tmp_path: Path, what: str) -> None:
    keys = kept_keys(tmp_path)
    part = {"key": keys.newest.id, **seal(keys.newest.public, {"at": "10:42"}, "a secret")}
    other = {"key": keys.newest.id, **seal(keys.newest.public, {"at": "10:43"}, "a secret")}
    for wrong in (other[what] if what != "key" else "0000", "not base64 ∅"):
        with pytest.raises(NotOpened):
            keys.open(**{**part, what: wrong})
