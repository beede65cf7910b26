from localnet.soroban.side_door import SideDoor
from tests.localnet.contract_chain import keypair

ADA, BOB = keypair("ada").public_key, keypair("bob").public_key


def test_a_hash_is_granted_for_one_block_farmer_and_nonce() -> None:
    door = SideDoor()
    door.grant(7, ADA, 1, bytes(32))
    assert door.granted(7, ADA, 1) == bytes(32)
    assert [door.granted(*other) for other in ((8, ADA, 1), (7, BOB, 1), (7, ADA, 2))] == [None, None, None]


def test_what_was_granted_for_a_past_block_is_forgotten() -> None:
    door = SideDoor()
    door.grant(7, ADA, 1, bytes(32))
    door.grant(8, ADA, 1, bytes(32))
    door.close_before(8)
    assert door.granted(7, ADA, 1) is None
    assert door.granted(8, ADA, 1) == bytes(32)
    assert repr(door) == "SideDoor(1 granted)"
