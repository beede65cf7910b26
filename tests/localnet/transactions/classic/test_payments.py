"""Payments, new accounts and trustlines: their results, effects and events."""

import pytest
from stellar_sdk import Asset, Keypair, LiquidityPoolAsset, MuxedAccount, Network, scval, xdr
from stellar_sdk.operation import (
    ChangeTrust,
    ClaimClaimableBalance,
    Inflation,
    ManageSellOffer,
    PathPaymentStrictSend,
)
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale.networks import LOCAL
from localnet.chain.chain import Chain
from localnet.genesis import FAUCET, ISSUER, ROOT
from localnet.ledger.accounts import find_account, find_trustline
from localnet.testing import NodeHandle
from tests.localnet.wallet import Outcome, Wallet

KALE_ASSET = Asset(LOCAL.asset_code, LOCAL.asset_issuer)
KALE_XDR = KALE_ASSET.to_xdr_object()


@pytest.fixture
async def issuer(node: NodeHandle, rpc: SorobanServerAsync) -> Wallet:
    return Wallet(node, rpc, ISSUER)


def operation_code(outcome: Outcome, position: int = 0) -> str:
    """The name of an operation's result."""
    assert outcome.result.result.results is not None
    inner = outcome.result.result.results[position].tr
    assert inner is not None
    for result in (inner.create_account_result, inner.payment_result, inner.change_trust_result):
        if result is not None:
            return result.code.name
    raise AssertionError(f"no classic result: {inner}")


def topics(event: xdr.ContractEvent) -> list[object]:
    assert event.body.v0 is not None
    return [scval.to_native(topic) for topic in event.body.v0.topics[:1]]


async def test_a_new_account_starts_with_its_ledger_as_sequence_number(wallet: Wallet) -> None:
    new = Keypair.random()
    created = await wallet.apply((await wallet.builder()).append_create_account_op(new.public_key, "100"))
    assert created.succeeded
    assert created.response.ledger is not None
    account = await wallet.rpc.load_account(new.public_key)
    assert account.sequence == created.response.ledger << 32
    (event,) = created.meta.operations[0].events
    assert topics(event) == ["transfer"]


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("0.9999999", "CREATE_ACCOUNT_LOW_RESERVE"),
        ("9999", "CREATE_ACCOUNT_UNDERFUNDED"),
        ("9998.9", "CREATE_ACCOUNT_SUCCESS"),
    ],
)
async def test_creating_an_account_keeps_both_reserves(wallet: Wallet, start: str, code: str) -> None:
    builder = (await wallet.builder()).append_create_account_op(Keypair.random().public_key, start)
    assert operation_code(await wallet.apply(builder)) == code


async def test_an_existing_account_is_not_created_again(wallet: Wallet) -> None:
    builder = (await wallet.builder()).append_create_account_op(FAUCET.public_key, "1")
    assert operation_code(await wallet.apply(builder)) == "CREATE_ACCOUNT_ALREADY_EXIST"


async def test_xlm_is_paid_down_to_the_reserve(wallet: Wallet) -> None:
    builder = (await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "9999")
    assert operation_code(await wallet.apply(builder)) == "PAYMENT_UNDERFUNDED"
    builder = (await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "9998.9999")
    assert (await wallet.apply(builder)).succeeded


async def test_nobody_is_paid_who_does_not_exist_or_does_not_trust(wallet: Wallet) -> None:
    nobody = Keypair.random().public_key
    for asset in (Asset.native(), KALE_ASSET):
        builder = (await wallet.builder()).append_payment_op(nobody, asset, "1")
        assert operation_code(await wallet.apply(builder)) == "PAYMENT_NO_DESTINATION"
    builder = (await wallet.builder()).append_payment_op(ROOT.public_key, KALE_ASSET, "1")
    assert operation_code(await wallet.apply(builder)) == "PAYMENT_NO_TRUST"
    builder = (await wallet.builder()).append_payment_op(FAUCET.public_key, KALE_ASSET, "1")
    assert operation_code(await wallet.apply(builder)) == "PAYMENT_SRC_NO_TRUST"


async def test_the_issuer_mints_and_burns_by_paying(wallet: Wallet, issuer: Wallet) -> None:
    await wallet.apply((await wallet.builder()).append_change_trust_op(KALE_ASSET, "10"))
    minted = await issuer.apply((await issuer.builder()).append_payment_op(wallet.address, KALE_ASSET, "10"))
    assert topics(minted.meta.operations[0].events[0]) == ["mint"]
    too_much = await issuer.apply(
        (await issuer.builder()).append_payment_op(wallet.address, KALE_ASSET, "0.0000001")
    )
    assert operation_code(too_much) == "PAYMENT_LINE_FULL"
    burnt = await wallet.apply((await wallet.builder()).append_payment_op(issuer.address, KALE_ASSET, "4"))
    assert topics(burnt.meta.operations[0].events[0]) == ["burn"]
    assert kale_of(wallet.node.chain, wallet.key) == 6 * 10**7


async def test_a_payment_names_the_memo_or_the_multiplexed_id_of_its_receiver(wallet: Wallet) -> None:
    receiver = MuxedAccount(FAUCET.public_key, 77)
    builder = (await wallet.builder()).append_payment_op(receiver, Asset.native(), "2")
    builder.add_text_memo("ignored beside an id")
    paid = await wallet.apply(builder)
    body = paid.meta.operations[0].events[0].body.v0
    assert body is not None
    assert scval.to_native(body.data) == {"amount": 2 * 10**7, "to_muxed_id": 77}
    builder = (await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "2")
    paid = await wallet.apply(builder.add_text_memo("rent"))
    body = paid.meta.operations[0].events[0].body.v0
    assert body is not None
    assert scval.to_native(body.data) == {"amount": 2 * 10**7, "to_muxed_id": "rent"}


async def test_a_trustline_costs_a_reserve_and_goes_when_empty(wallet: Wallet, issuer: Wallet) -> None:
    assert (await wallet.apply((await wallet.builder()).append_change_trust_op(KALE_ASSET))).succeeded
    assert subentries(wallet) == 1
    await issuer.apply((await issuer.builder()).append_payment_op(wallet.address, KALE_ASSET, "5"))
    for limit in ("0", "4.9999999"):
        refused = await wallet.apply((await wallet.builder()).append_change_trust_op(KALE_ASSET, limit))
        assert operation_code(refused) == "CHANGE_TRUST_INVALID_LIMIT"
    await wallet.apply((await wallet.builder()).append_payment_op(issuer.address, KALE_ASSET, "5"))
    assert (await wallet.apply((await wallet.builder()).append_change_trust_op(KALE_ASSET, "0"))).succeeded
    assert subentries(wallet) == 0
    assert find_trustline(wallet.node.chain.state, wallet.key.raw_public_key(), KALE_XDR) is None


async def test_a_trustline_needs_an_issuer_and_a_reserve(wallet: Wallet) -> None:
    unknown = Asset("KALE", Keypair.random().public_key)
    refused = await wallet.apply((await wallet.builder()).append_change_trust_op(unknown))
    assert operation_code(refused) == "CHANGE_TRUST_NO_ISSUER"
    await wallet.apply(
        (await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "9998.9")
    )
    refused = await wallet.apply((await wallet.builder()).append_change_trust_op(KALE_ASSET))
    assert operation_code(refused) == "CHANGE_TRUST_LOW_RESERVE"


async def test_one_failed_operation_undoes_all_and_the_others_are_reported(wallet: Wallet) -> None:
    builder = await wallet.builder()
    builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    builder.append_payment_op(FAUCET.public_key, KALE_ASSET, "1")
    builder.append_change_trust_op(KALE_ASSET)
    failed = await wallet.apply(builder)
    assert [operation_code(failed, position) for position in range(3)] == [
        "PAYMENT_SUCCESS",
        "PAYMENT_SRC_NO_TRUST",
        "CHANGE_TRUST_SUCCESS",
    ]
    assert failed.meta.operations == []
    assert subentries(wallet) == 0


async def test_an_operation_needs_the_signature_of_its_own_source(wallet: Wallet) -> None:
    other = await Wallet.funded(wallet.node, wallet.rpc)
    builder = (await wallet.builder()).append_payment_op(
        wallet.address, Asset.native(), "5", source=other.address
    )
    envelope = wallet.signed(builder)
    sent = await wallet.send(envelope)
    assert sent.error_result_xdr is not None
    results = xdr.TransactionResult.from_xdr(sent.error_result_xdr).result.results
    assert results is not None
    assert results[0].code == xdr.OperationResultCode.opBAD_AUTH
    envelope.sign(other.key)
    assert (await wallet.include(envelope)).succeeded


async def test_an_account_may_act_in_the_transaction_that_creates_it(wallet: Wallet) -> None:
    new = Keypair.random()
    builder = (await wallet.builder()).append_create_account_op(new.public_key, "10")
    builder.append_change_trust_op(KALE_ASSET, source=new.public_key)
    envelope = wallet.signed(builder)
    envelope.sign(new)
    assert (await wallet.include(envelope)).succeeded
    builder = (await wallet.builder()).append_change_trust_op(KALE_ASSET, source=Keypair.random().public_key)
    sent = await wallet.send(wallet.signed(builder))
    assert sent.error_result_xdr is not None
    results = xdr.TransactionResult.from_xdr(sent.error_result_xdr).result.results
    assert results is not None
    assert results[0].code == xdr.OperationResultCode.opBAD_AUTH


async def test_operations_that_this_network_lacks_are_refused_by_name(wallet: Wallet) -> None:
    pool = LiquidityPoolAsset(Asset.native(), KALE_ASSET)
    for operation in (
        ClaimClaimableBalance("00" * 36),
        ChangeTrust(pool),
        PathPaymentStrictSend(wallet.address, KALE_ASSET, "1", Asset.native(), "1", []),
        ManageSellOffer(KALE_ASSET, Asset.native(), "1", "1"),
        Inflation(),
    ):
        sent = await wallet.send(wallet.signed((await wallet.builder()).append_operation(operation)))
        assert sent.error_result_xdr is not None
        results = xdr.TransactionResult.from_xdr(sent.error_result_xdr).result.results
        assert results is not None
        assert results[0].code == xdr.OperationResultCode.opNOT_SUPPORTED


def subentries(wallet: Wallet) -> int:
    account = find_account(wallet.node.chain.state, wallet.key.raw_public_key())
    assert account is not None
    return account.num_sub_entries.uint32


def kale_of(chain: Chain, key: Keypair) -> int:
    line = find_trustline(chain.state, key.raw_public_key(), KALE_XDR)
    return 0 if line is None else line.balance.int64


def test_the_passphrase_is_no_real_networks() -> None:
    assert LOCAL.passphrase not in (
        Network.PUBLIC_NETWORK_PASSPHRASE,
        Network.TESTNET_NETWORK_PASSPHRASE,
    )
