import hashlib

from backend_svc.api_keys import api_key_hash, new_api_key


def test_a_key_has_the_asked_length_and_needs_no_quoting() -> None:
    key = new_api_key(32)
    assert len(key) == 32
    assert key.isascii()
    assert key.isalnum()


def test_no_two_keys_are_alike() -> None:
    assert len({new_api_key(32) for _ in range(1000)}) == 1000


def test_a_key_is_kept_as_its_sha256() -> None:
    assert api_key_hash("k") == hashlib.sha256(b"k").digest()
