"""Transactions that were valid when their ledger began, and no longer are when their turn comes."""

import aiohttp
import pytest
from stellar_sdk import Asset, Keypair, Signer, TransactionBuilder, TransactionEnvelope
from stellar_sdk.operation import SetOptions

from kale import calls
from kale.addresses import address_value
from kale.networks import LOCAL
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.testing import NodeHandle
from tests.localnet.play import Play, signed
from tests.localnet.wallet import Wallet

FEE = 100


@pytest.fixture
def play() -> Play:
    return Play()


def paying(play: Play, source: Keypair, xlm: str = "1") -> TransactionBuilder:
    return play.builder(source).append_payment_op(FAUCET.public_key, Asset.native(), xlm)


def acting_on(play: Play, ada: Keypair, bob: Keypair, operation: str) -> TransactionEnvelope:
    """A transaction of Bob's that does something to Ada's account, signed by both."""
    builder = play.builder(bob)
    if operation == "merge":
        builder.append_account_merge_op(bob.public_key, source=ada.public_key)
    elif operation == "bump":
        builder.append_bump_sequence_op(2**50, source=ada.public_key)
    elif operation == "disown":
        builder.append_set_options_op(master_weight=0, source=ada.public_key)
    else:
        builder.append_set_options_op(high_threshold=2, med_threshold=2, source=ada.public_key)
    return signed(builder, ada, bob)


@pytest.mark.parametrize(
    ("operation", "code", "uses_number"),
    [
        ("merge", "txNO_ACCOUNT", False),
        ("bump", "txBAD_SEQ", False),
        ("disown", "txBAD_AUTH", True),
        ("raise", "txFAILED", True),
    ],
)
def test_what_ran_before_decides_and_the_fee_is_paid_all_the_same(
    play: Play, operation: str, code: str, uses_number: bool
) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    second = signed(paying(play, ada), ada)
    number = play.account(ada).seq_num.sequence_number.int64
    first, failed = play.apply_in_order(acting_on(play, ada, bob, operation), second)
    assert first.succeeded
    assert failed.code == code
    assert failed.transaction.fee_charged_stroops == FEE
    assert failed.meta.operations == []
    assert len(failed.meta.tx_changes_before.ledger_entry_changes) == (2 if uses_number else 0)
    if operation == "merge":
        assert not play.exists(ada)
        assert play.account(bob).balance.int64 == 200 * 10**7 - 2 * FEE
    else:
        assert play.account(ada).balance.int64 == 100 * 10**7 - FEE
    if uses_number:
        assert play.account(ada).seq_num.sequence_number.int64 == number + 1
    if operation == "raise":
        assert failed.operation_codes == ["opBAD_AUTH"]


def test_a_signature_that_became_superfluous_is_one_too_many(play: Play) -> None:
    ada, bob, eve = play.funded("ada"), play.funded("bob"), play.funded("eve")
    options = SetOptions(
        signer=Signer.ed25519_public_key(eve.public_key, 1), med_threshold=2, high_threshold=1
    )
    assert play.apply(play.builder(ada).append_operation(options), ada).succeeded
    lowering = play.builder(bob).append_set_options_op(med_threshold=1, source=ada.public_key)
    second = signed(paying(play, ada), ada, eve)
    _, failed = play.apply_in_order(signed(lowering, ada, bob), second)
    assert failed.code == "txBAD_AUTH_EXTRA"


def test_xlm_that_is_gone_is_missed_by_its_operation(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    taking = play.builder(bob).append_payment_op(bob.public_key, Asset.native(), "98", source=ada.public_key)
    first, failed = play.apply_in_order(signed(taking, ada, bob), signed(paying(play, ada, "50"), ada))
    assert first.succeeded
    assert failed.operation_codes == ["PAYMENT_UNDERFUNDED"]


def test_a_source_that_owes_its_reserve_sends_nothing(play: Play) -> None:
    ada, bob = play.funded("ada", "1.5001"), play.funded("bob")
    reserving = play.builder(bob).append_manage_data_op("name", b"", source=ada.public_key)
    paid = signed(play.builder(ada).append_bump_sequence_op(0), ada)
    first, second = play.apply_in_order(signed(reserving, ada, bob), paid)
    # The fee came first, so it is the entry that finds no reserve.
    assert first.succeeded
    assert second.succeeded
    assert play.account(ada).balance.int64 == 15_001_000 - FEE


def test_a_fee_bumps_inner_transaction_is_judged_as_such(play: Play) -> None:
    ada, bob, eve = play.funded("ada"), play.funded("bob"), play.funded("eve")
    inner = signed(paying(play, ada), ada)
    bump = TransactionBuilder.build_fee_bump_transaction(eve, 200, inner, LOCAL.passphrase)
    bump.sign(eve)
    _, failed = play.apply_in_order(acting_on(play, ada, bob, "merge"), bump)
    assert failed.result.result.code.name == "txFEE_BUMP_INNER_FAILED"
    assert failed.code == "txNO_ACCOUNT"
    assert failed.transaction.fee_charged_stroops == 2 * FEE
    assert play.account(eve).balance.int64 == 100 * 10**7 - 2 * FEE


def test_nobody_gets_the_refund_of_a_payer_who_merged(play: Play) -> None:
    ada, bob, eve = play.funded("ada"), play.funded("bob"), play.funded("eve")
    inner = signed(paying(play, bob), bob)
    bump = TransactionBuilder.build_fee_bump_transaction(ada, 200, inner, LOCAL.passphrase)
    bump.sign(ada)
    merging = play.builder(eve).append_account_merge_op(eve.public_key, source=ada.public_key)
    first, second = play.apply_in_order(signed(merging, ada, eve), bump)
    assert first.succeeded
    assert second.succeeded
    assert not play.exists(ada)


async def test_a_call_of_an_account_that_merged_fails_and_its_refund_is_nobodys(
    farmer: Wallet, node: NodeHandle
) -> None:
    other = await Wallet.funded(node, farmer.rpc)
    network, args = node.network, [address_value(farmer.address)]
    call = await other.prepared(calls.invocation(network.asset_contract_id, "balance", args))
    merging = (await farmer.builder()).append_account_merge_op(farmer.address, source=other.address)
    merge = farmer.signed(merging)
    merge.sign(other.key)
    for envelope in (merge, call):
        assert (await farmer.send(envelope)).status.value == "PENDING"
    node.close_ledgers()
    outcomes = [await farmer.outcome(envelope.hash_hex()) for envelope in (merge, call)]
    assert outcomes[0].succeeded
    # Whichever came first, the chain goes on and nobody has more XLM than before.
    assert outcomes[1].result.result.code.name in ("txNO_ACCOUNT", "txSUCCESS")
    assert len(node.chain.latest.transactions) == 2


async def test_the_friendbot_says_so_when_its_minions_are_gone(farmer: Wallet, node: NodeHandle) -> None:
    for start in (0, 16):
        minions = FRIENDBOT_MINIONS[start : start + 16]
        builder = await farmer.builder()
        for minion in minions:
            builder.append_account_merge_op(FAUCET.public_key, source=minion.public_key)
        envelope = farmer.signed(builder)
        for minion in minions:
            envelope.sign(minion)
        assert (await farmer.include(envelope)).succeeded
    friendbot = node.rpc_url.rstrip("/") + f"/friendbot?addr={Keypair.random().public_key}"
    async with aiohttp.ClientSession() as http, http.get(friendbot) as response:
        assert response.status == 500
        assert "was merged" in (await response.json())["detail"]
