"""The keys of the bedside: kept for their owner alone, made once, added to without losing the old ones."""

import base64
import datetime
import json
import threading
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cellbank.domain.offline import RUNS_AT_MOST
from cellbank.outside.bedside_keys import FILE, KeyProblem, Keys, NotOpened, add_pair, kept_keys
from tests.factories.sealing import seal

NOW = datetime.datetime(2026, 11, 29, 8, tzinfo=datetime.UTC)


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
    after = add_pair(tmp_path, NOW)
    assert [pair.id for pair in after.pairs][:1] == [before.newest.id] and after.newest.id != before.newest.id
    assert after.open(before.newest.id, **part) == b'"a secret"'
    assert kept_keys(tmp_path).newest.id == after.newest.id


def test_a_signature_from_before_is_believed_as_long_as_it_can_hold_and_nobody_can_make_another(tmp_path: Path) -> None:
    first = kept_keys(tmp_path).newest
    add_pair(tmp_path, NOW)
    keys = add_pair(tmp_path, NOW + datetime.timedelta(hours=1))
    assert [pair.id for pair in keys.believed(NOW + RUNS_AT_MOST * 0.9)] == [pair.id for pair in keys.pairs]
    assert keys.pairs[0].public == first.public
    assert [pair.id for pair in keys.believed(NOW + RUNS_AT_MOST)] == [pair.id for pair in keys.pairs[1:]]
    assert keys.believed(NOW + 2 * RUNS_AT_MOST) == (keys.newest,)
    assert ["signing" in row for row in json.loads((tmp_path / FILE).read_text())] == [False, False, True]


def test_of_a_pair_that_may_be_known_no_signature_is_believed_any_more(tmp_path: Path) -> None:
    before = kept_keys(tmp_path)
    part = seal(before.newest.public, {"id": "1"}, "a secret")
    keys = add_pair(tmp_path, NOW, distrust=True)
    assert keys.believed(NOW) == (keys.newest,) and keys.open(before.newest.id, **part) == b'"a secret"'
    assert add_pair(tmp_path, NOW).pairs[0].verify is None  # and a later pair does not bring it back


def test_two_new_pairs_at_once_are_two(tmp_path: Path) -> None:
    kept_keys(tmp_path)
    threads = [threading.Thread(target=lambda: add_pair(tmp_path, NOW)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pair.id for pair in kept_keys(tmp_path).pairs}) == 7


@pytest.mark.parametrize("what", ["header", "once", "nonce", "sealed", "key"])
def test_an_altered_envelope_is_not_opened(tmp_path: Path, what: str) -> None:
    keys = kept_keys(tmp_path)
    part = {"key": keys.newest.id, **seal(keys.newest.public, {"at": "10:42"}, "a secret")}
    other = {"key": keys.newest.id, **seal(keys.newest.public, {"at": "10:43"}, "a secret")}
    for wrong in (other[what] if what != "key" else "0000", "not base64 ∅"):
        with pytest.raises(NotOpened):
            keys.open(**{**part, what: wrong})


def test_what_was_signed_is_known_again_until_its_pair_is_distrusted(tmp_path: Path) -> None:
    signed = kept_keys(tmp_path).sign("a judgement")
    assert kept_keys(tmp_path).is_ours(**signed)
    for name, wrong in {"key": "0000", "payload": "another", "signature": "not base64 ∅"}.items():
        assert not kept_keys(tmp_path).is_ours(**{**signed, name: wrong}), name
    assert add_pair(tmp_path, NOW).is_ours(**signed)
    assert not add_pair(tmp_path, NOW, distrust=True).is_ours(**signed)
