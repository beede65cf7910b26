import hashlib

from backend_svc.api_keys import api_key_hash, new_api_key
from poolkit.redaction import API_KEY_PREFIX, redact_text


def test_a_key_has_the_asked_length_and_needs_no_quoting() -> None:
    random_part = new_api_key(32).removeprefix(API_KEY_PREFIX)
    assert len(random_part) == 32
    assert random_part.isascii()
    assert random_part.isalnum()


def test_a_key_is_struck_out_of_the_logs() -> None:
    key = new_api_key(32)
    assert key not in redact_text(f"the key {key} was refused")


def test_no_two_keys_are_alike() -> None:
    assert len({new_api_key(32) for _ in range(1000)}) == 1000


def test_a_key_is_kept_as_its_sha256() -> None:
    assert api_key_hash("k") == hashlib.sha256(b"k").digest()
