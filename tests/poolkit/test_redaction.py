"""No seed, key or password gets through, wherever it stands."""

import re

import pytest
from stellar_sdk import Keypair

from poolkit.redaction import API_KEY_PREFIX, REDACTED, redact, redact_text

SEED = Keypair.from_raw_ed25519_seed(bytes(range(32))).secret
API_KEY = API_KEY_PREFIX + "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MDEyMzQ1"

SECRET_TEXTS = [
    SEED,
    f"loaded {SEED} for farmer",
    f"['{SEED}', '{SEED}']",
    f"x{SEED}y",
    "authorization: Bearer abc.def-ghi",
    'metadata {"authorization": "bearer abc.def-ghi"}',
    f"key {API_KEY} was refused",
    "postgresql://pool:hunter2@db.example:5432/kale",
    "could not connect: host=db user=pool password=hunter2 dbname=kale",
    "password='hunter2 with blanks' host=db",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_text_is_struck_out(text: str) -> None:
    clean = redact_text(text)
    assert REDACTED in clean
    for secret in (SEED, API_KEY, "abc.def-ghi", "hunter2"):
        assert secret not in clean
    assert not re.search(r"S[A-Z2-7]{55}", clean)


@pytest.mark.parametrize(
    "text",
    [
        Keypair.from_raw_ed25519_seed(bytes(32)).public_key,
        "CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA",
        "postgresql://db.example:5432/kale",
        "http://127.0.0.1:8000/",
        "0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "field", ["seed", "farmer_seed", "api_key", "Authorization", "DB_PASSWORD", "master_key"]
)
def test_a_field_named_as_a_secret_goes_whole(field: str) -> None:
    assert redact("short", field) == REDACTED


@pytest.mark.parametrize("field", ["index", "public_key", "farmer_key_id", "tokens", "key"])
def test_other_fields_stay(field: str) -> None:
    assert redact("value", field) == "value"


def test_secrets_are_found_at_any_depth() -> None:
    event = {"farmers": [{"name": "a", "seed": SEED}, (SEED, 7)], "error": ValueError(SEED), "none": None}
    clean = redact(event)
    assert clean == {
        "farmers": [{"name": "a", "seed": REDACTED}, [REDACTED, 7]],
        "error": REDACTED,
        "none": None,
    }
