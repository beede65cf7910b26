"""Farmers' keys: sealed at rest, bound to their farmer, never shown."""

import base64
import os
import re
import secrets
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from stellar_sdk import Keypair

from backend_svc.custody import Custody, CustodyError, MasterKey, NewKey, master_keys
from backend_svc.store import farmers
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.records import SealedKey
from poolkit.startup_error import StartupError
from tests.backend_svc.people import some_farmer, some_id, some_pooler

SEED = re.compile(r"S[A-Z2-7]{55}")
HASH = b"\x07" * 32


def a_master_key() -> MasterKey:
    return MasterKey(secrets.token_bytes(32))


async def test_a_signature_verifies_under_the_farmers_public_key(database: Database) -> None:
    custody = Custody([a_master_key()], database)
    farmer = await database.run(lambda: some_farmer(some_pooler()))
    made = custody.new_key(farmer.id)
    await database.run(farmers.add_sealed_key, made.sealed)
    signature = await custody.sign(farmer.id, HASH)
    Keypair.from_public_key(made.public_key).verify(HASH, signature.signature)


async def test_every_key_is_new_and_so_is_every_ciphertext(database: Database) -> None:
    custody = Custody([a_master_key()], database)
    one, two = custody.new_key("f"), custody.new_key("f")
    assert one.public_key != two.public_key
    assert one.sealed.sealed_seed != two.sealed.sealed_seed
    assert one.sealed.wrapped_data_key != two.sealed.wrapped_data_key


async def test_a_farmer_without_a_key_cannot_sign(database: Database) -> None:
    with pytest.raises(CustodyError, match="no key in custody"):
        await Custody([a_master_key()], database).sign(some_id(), HASH)


async def test_another_farmers_ciphertext_does_not_open(database: Database) -> None:
    custody = Custody([a_master_key()], database)
    owner = await database.run(lambda: some_farmer(some_pooler()))
    made = custody.new_key("another farmer")
    await database.run(farmers.add_sealed_key, replace(made.sealed, farmer_id=owner.id))
    with pytest.raises(CustodyError, match="does not open"):
        await custody.sign(owner.id, HASH)


@pytest.mark.parametrize("column", ["wrapped_data_key", "sealed_seed"])
async def test_an_altered_ciphertext_does_not_open(database: Database, column: str) -> None:
    custody = Custody([a_master_key()], database)
    farmer = await database.run(lambda: some_farmer(some_pooler()))
    sealed = custody.new_key(farmer.id).sealed
    bytes_of = {"wrapped_data_key": sealed.wrapped_data_key, "sealed_seed": sealed.sealed_seed}
    altered = bytes([bytes_of[column][0] ^ 1]) + bytes_of[column][1:]
    wrong = SealedKey(**{**vars(sealed), column: altered})
    await database.run(farmers.add_sealed_key, wrong)
    with pytest.raises(CustodyError, match="does not open"):
        await custody.sign(farmer.id, HASH)


async def test_a_start_without_the_right_master_key_is_refused(database: Database) -> None:
    right, wrong = a_master_key(), a_master_key()
    custody = Custody([right], database)
    farmer = await database.run(lambda: some_farmer(some_pooler()))
    await database.run(farmers.add_sealed_key, custody.new_key(farmer.id).sealed)
    await custody.require_master_keys()
    with pytest.raises(StartupError, match=right.id):
        await Custody([wrong], database).require_master_keys()
    with pytest.raises(CustodyError, match="not at hand"):
        await Custody([wrong], database).sign(farmer.id, HASH)


async def test_rotation_moves_every_key_to_the_new_master_key(database: Database) -> None:
    old, new = a_master_key(), a_master_key()
    first = Custody([old], database)
    pooler = await database.run(some_pooler)
    made: dict[str, NewKey] = {}
    for _ in range(3):
        farmer = await database.run(some_farmer, pooler)
        made[farmer.id] = first.new_key(farmer.id)
        await database.run(farmers.add_sealed_key, made[farmer.id].sealed)
    rotated = Custody([new, old], database)
    assert await rotated.rotate() == 3
    assert await rotated.rotate() == 0
    after = Custody([new], database)
    await after.require_master_keys()
    for farmer_id, key in made.items():
        signature = await after.sign(farmer_id, HASH)
        Keypair.from_public_key(key.public_key).verify(HASH, signature.signature)


async def test_no_seed_is_found_in_the_database_or_in_any_repr(database: Database) -> None:
    raw = secrets.token_bytes(32)
    key = MasterKey(raw)
    custody = Custody([key], database)
    farmer = await database.run(lambda: some_farmer(some_pooler()))
    made = custody.new_key(farmer.id)
    await database.run(farmers.add_sealed_key, made.sealed)

    def every_row() -> str:
        row = in_transaction().execute_sql("SELECT k::text FROM farmer_keys k").fetchone()
        return str(row[0])

    shown = " ".join([repr(key), repr(custody), repr(made), await database.run(every_row)])
    for secret in (raw.hex(), base64.b64encode(raw).decode(), repr(raw)):
        assert secret not in shown
    assert not SEED.search(shown)


def test_a_master_key_file_is_made_once_with_a_private_mode(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "master"
    made = master_keys(None, file, may_make=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [key.id for key in master_keys(None, file, may_make=True)] == [made[0].id]
    assert os.listdir(file.parent) == ["master"]


def test_a_missing_master_key_file_is_made_on_a_local_network_only(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="does not exist"):
        master_keys(None, tmp_path / "master", may_make=False)
    assert not (tmp_path / "master").exists()


def test_a_master_key_file_that_can_not_be_made_or_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match=r"file/master\.key can't be made: File exists"):
        master_keys(None, tmp_path / "file" / "master.key", may_make=True)
    (tmp_path / "folder").mkdir(mode=0o600)
    with pytest.raises(StartupError, match=r"folder can't be read \(IsADirectoryError\)"):
        master_keys(None, tmp_path / "folder", may_make=False)


def test_a_master_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master"
    master_keys(None, file, may_make=True)
    file.chmod(0o640)
    with pytest.raises(StartupError, match="0640"):
        master_keys(None, file, may_make=True)


def test_several_master_keys_are_read_the_current_one_first() -> None:
    texts = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]
    ids = [key.id for key in master_keys(",".join(texts), None, may_make=False)]
    assert ids == [key.id for text in texts for key in master_keys(text, None, may_make=False)]


@pytest.mark.parametrize("text", ["c2hvcnQ=", "no base64!", ","])
def test_a_malformed_master_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(StartupError, match="base64 of 32 bytes") as caught:
        master_keys(text, None, may_make=False)
    assert text == "," or text not in str(caught.value)


def test_custody_without_any_master_key_is_refused() -> None:
    with pytest.raises(StartupError, match="MASTER_KEY"):
        master_keys(None, None, may_make=True)
