"""The contract of XLM: accounts as holders, accounts that it creates, and nobody who administrates it."""

import pytest
from stellar_sdk import Asset, InvokeHostFunction, Keypair, StrKey, scval, xdr
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.addresses import account_key_bytes, address_value
from kale.constants import I64_MAX
from kale.networks import LOCAL, MAINNET
from kale.storage import account_key
from localnet.contracts.install import native_token_entries
from localnet.ledger.accounts import find_account, new_account, with_subentries
from localnet.network_settings import TOTAL_COINS_STROOPS
from localnet.soroban.invocation import Invocation
from localnet.testing import NodeHandle
from tests.localnet.contract_chain import ContractChain, failure_text, keypair, native_events
from tests.localnet.wallet import Wallet

NATIVE = Asset.native().contract_id(LOCAL.passphrase)
ADA, BOB, NOBODY = (keypair(name).public_key for name in ("ada", "bob", "nobody"))
WALLET = StrKey.encode_contract(bytes(range(32)))
XLM = 10_000_000


@pytest.fixture
def chain() -> ContractChain:
    """Ada and Bob have 100 XLM each."""
    chain = ContractChain()
    chain.entries.apply(native_token_entries(NATIVE, chain.ledger))
    for holder in (ADA, BOB):
        chain.add_account(holder, new_account(account_key_bytes(holder), 100 * XLM, 0))
    return chain


def call(chain: ContractChain, function: str, *args: xdr.SCVal) -> Invocation:
    return chain.call(function, *args, contract=NATIVE)


def who(*addresses: str) -> list[xdr.SCVal]:
    return [address_value(address) for address in addresses]


def balance(chain: ContractChain, holder: str) -> int:
    outcome = call(chain, "balance", *who(holder))
    assert outcome.value is not None, outcome.failure
    return scval.from_int128(outcome.value)


def test_it_describes_itself(chain: ContractChain) -> None:
    assert call(chain, "name").value == scval.to_string("native")
    assert call(chain, "symbol").value == scval.to_string("native")
    assert call(chain, "decimals").value == scval.to_uint32(7)
    assert failure_text(call(chain, "admin")) == "Error(Storage, MissingValue)"


def test_an_account_below_its_reserve_tells_no_balance(chain: ContractChain) -> None:
    """Fees can take it there; the host calls that an error of its own, and XLM may still come in."""
    chain.add_account(ADA, new_account(account_key_bytes(ADA), XLM - 1, 0))
    assert failure_text(call(chain, "balance", *who(ADA))) == "Error(Storage, InternalError)"
    outcome = call(chain, "transfer", *who(BOB, ADA), scval.to_int128(1))
    assert outcome.succeeded
    assert balance(chain, ADA) == XLM


def test_its_id_follows_from_the_network() -> None:
    mainnets = "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA"
    assert Asset.native().contract_id(MAINNET.passphrase) == mainnets


def test_it_moves_xlm_between_accounts_and_contracts(chain: ContractChain) -> None:
    paid = call(chain, "transfer", *who(ADA, BOB), scval.to_int128(30 * XLM))
    assert native_events(paid) == [(["transfer", ADA, BOB, "native"], 30 * XLM)]
    assert call(chain, "transfer", *who(BOB, WALLET), scval.to_int128(5)).succeeded
    assert [balance(chain, holder) for holder in (ADA, BOB, WALLET)] == [70 * XLM, 130 * XLM - 5, 5]


def test_enough_xlm_for_a_missing_account_creates_it(chain: ContractChain) -> None:
    assert failure_text(call(chain, "balance", *who(NOBODY))) == "Error(Contract, #6)"
    too_little = call(chain, "transfer", *who(ADA, NOBODY), scval.to_int128(XLM - 1))
    assert failure_text(too_little) == "Error(Contract, #14)"
    assert call(chain, "transfer", *who(ADA, NOBODY), scval.to_int128(XLM)).succeeded
    entry = chain.entry(account_key(NOBODY))
    assert entry is not None
    created = entry.data.account
    assert created is not None
    assert created.seq_num.sequence_number.int64 == chain.ledger.sequence << 32
    assert (created.balance.int64, created.thresholds.thresholds) == (XLM, b"\x01\x00\x00\x00")


def test_the_reserve_stays(chain: ContractChain) -> None:
    chain.add_account(ADA, with_subentries(new_account(account_key_bytes(ADA), 100 * XLM, 0), 2))
    above = call(chain, "transfer", *who(ADA, BOB), scval.to_int128(98 * XLM + 1))
    assert failure_text(above) == "Error(Contract, #10)"
    assert call(chain, "transfer", *who(ADA, BOB), scval.to_int128(98 * XLM)).succeeded


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        ("burn", [*who(ADA), scval.to_int128(1)], "Error(Contract, #2)"),
        ("burn_from", [*who(BOB, ADA), scval.to_int128(1)], "Error(Contract, #2)"),
        ("clawback", [*who(ADA), scval.to_int128(1)], "Error(Contract, #2)"),
        ("trust", who(ADA), "Error(Contract, #2)"),
        ("mint", [*who(ADA), scval.to_int128(1)], "Error(Storage, MissingValue)"),
        ("set_admin", who(ADA), "Error(Storage, MissingValue)"),
        ("set_authorized", [*who(ADA), scval.to_bool(True)], "Error(Storage, MissingValue)"),
        ("transfer", [*who(NOBODY, ADA), scval.to_int128(1)], "Error(Contract, #6)"),
        ("transfer", [*who(ADA, NOBODY), scval.to_int128(0)], "Error(Contract, #6)"),
        ("transfer", [*who(ADA, BOB), scval.to_int128(I64_MAX + 1)], "Error(Contract, #12)"),
        ("transfer", [*who(ADA, BOB), scval.to_int128(-1)], "Error(Contract, #8)"),
    ],
)
def test_what_it_refuses(chain: ContractChain, function: str, args: list[xdr.SCVal], error: str) -> None:
    assert failure_text(call(chain, function, *args)) == error


def test_a_contracts_xlm_cannot_be_clawed_back(chain: ContractChain) -> None:
    assert call(chain, "transfer", *who(ADA, WALLET), scval.to_int128(9)).succeeded
    outcome = call(chain, "clawback", *who(WALLET), scval.to_int128(9))
    assert failure_text(outcome) == "Error(Contract, #10)"


def test_allowances_of_xlm(chain: ContractChain) -> None:
    until = scval.to_uint32(chain.ledger.sequence + 10)
    assert call(chain, "approve", *who(ADA, BOB), scval.to_int128(3 * XLM), until).succeeded
    moved = call(chain, "transfer_from", *who(BOB, ADA, NOBODY), scval.to_int128(2 * XLM))
    assert native_events(moved) == [(["transfer", ADA, NOBODY, "native"], 2 * XLM)]
    left = call(chain, "allowance", *who(ADA, BOB)).value
    assert left == scval.to_int128(XLM)


# On the local network


async def test_xlm_paid_by_the_contract_creates_an_account_and_none_is_lost(
    farmer: Wallet, node: NodeHandle, rpc: SorobanServerAsync
) -> None:
    newcomer = Wallet(node, rpc, Keypair.random())
    transfer = calls.invocation(
        NATIVE, "transfer", [*who(farmer.address, newcomer.address), scval.to_int128(50 * XLM)]
    )
    paid = await farmer.call(transfer)
    assert paid.succeeded
    kinds = [change.type for change in paid.meta.operations[0].changes.ledger_entry_changes]
    assert xdr.LedgerEntryChangeType.LEDGER_ENTRY_CREATED in kinds
    account = find_account(node.chain.state, newcomer.key.raw_public_key())
    assert account is not None
    assert account.balance.int64 == 50 * XLM
    assert account.seq_num.sequence_number.int64 == node.chain.latest.sequence << 32
    assert (await newcomer.apply((await newcomer.builder()).append_change_trust_op(newcomer.asset))).succeeded
    accounts = (entry.data.account for entry in node.chain.state.entries().values())
    held = sum(account.balance.int64 for account in accounts if account is not None)
    assert held + node.chain.latest.fee_pool_stroops == TOTAL_COINS_STROOPS


async def test_the_footprint_of_a_transfer_of_xlm(farmer: Wallet, node: NodeHandle) -> None:
    function = calls.invocation(
        NATIVE, "transfer", [*who(farmer.address, node.faucet.public_key), scval.to_int128(1)]
    )
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(function))
    response = await farmer.rpc.simulate_transaction(builder.build())
    assert response.transaction_data is not None
    data = xdr.SorobanTransactionData.from_xdr(response.transaction_data)
    read_only, read_write = data.resources.footprint.read_only, data.resources.footprint.read_write
    assert [key.type for key in read_only] == [xdr.LedgerEntryType.CONTRACT_DATA]
    expected = (account_key(farmer.address), account_key(node.faucet.public_key))
    assert {key.to_xdr_bytes() for key in read_write} == {key.to_xdr_bytes() for key in expected}
