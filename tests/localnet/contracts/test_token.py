"""The asset contract through the host: balances, allowances, errors, events, lifetimes."""

import pytest
from stellar_sdk import Asset, StrKey, scval, xdr

from kale.addresses import account_key_bytes, address_value
from kale.constants import I64_MAX, I128_MAX
from kale.networks import LOCAL
from kale.storage import instance_key, token_balance_key, trustline_key
from localnet.contracts.install import token_entries
from localnet.ledger.accounts import new_account, new_trustline, stored_trustline, with_line_balance
from tests.localnet.contract_chain import (
    FARM,
    ISSUER,
    TOKEN,
    ContractChain,
    failure_text,
    keypair,
    native_events,
)

ADA, BOB = keypair("ada").public_key, keypair("bob").public_key
WALLET = StrKey.encode_contract(bytes(range(32)))
SAFE = StrKey.encode_contract(bytes(range(1, 33)))
ASSET = f"KALE:{ISSUER}"


@pytest.fixture
def chain() -> ContractChain:
    """Ada and a wallet contract hold 1,000, Bob nothing."""
    chain = ContractChain()
    chain.add_holder(ADA, 1_000)
    chain.add_holder(BOB, 0)
    chain.add_holder(WALLET, 1_000)
    return chain


def who(*addresses: str) -> list[xdr.SCVal]:
    return [address_value(address) for address in addresses]


def i128(amount: int) -> xdr.SCVal:
    return scval.to_int128(amount)


def native(chain: ContractChain, function: str, *args: xdr.SCVal) -> object:
    outcome = chain.token(function, *args)
    assert outcome.value is not None, outcome.failure
    value = scval.to_native(outcome.value)
    return getattr(value, "address", value)


# Views


def test_the_asset_describes_itself(chain: ContractChain) -> None:
    assert native(chain, "name") == ASSET
    assert native(chain, "symbol") == "KALE"
    assert native(chain, "decimals") == 7
    assert native(chain, "admin") == FARM
    assert native(chain, "authorized", *who(ADA)) is True


def test_balances_of_every_kind_of_holder(chain: ContractChain) -> None:
    assert native(chain, "balance", *who(ADA)) == 1_000
    assert native(chain, "balance", *who(WALLET)) == 1_000
    assert native(chain, "balance", *who(SAFE)) == 0
    assert native(chain, "balance", *who(ISSUER)) == I64_MAX


def test_an_account_without_a_trustline_has_no_balance_to_tell(chain: ContractChain) -> None:
    outcome = chain.token("balance", *who(keypair("stranger").public_key))
    assert failure_text(outcome) == "Error(Contract, #13)"


# Transfers


@pytest.mark.parametrize("sender", [ADA, WALLET])
@pytest.mark.parametrize("receiver", [BOB, SAFE])
def test_a_transfer_moves_between_all_kinds_of_holders(
    chain: ContractChain, sender: str, receiver: str
) -> None:
    outcome = chain.token("transfer", *who(sender, receiver), i128(400))
    assert outcome.succeeded
    assert (chain.balance(sender), chain.balance(receiver)) == (600, 400)
    assert native_events(outcome) == [(["transfer", sender, receiver, ASSET], 400)]


def test_paying_the_issuer_burns_and_being_paid_by_it_mints(chain: ContractChain) -> None:
    burnt = chain.token("transfer", *who(ADA, ISSUER), i128(400))
    assert native_events(burnt) == [(["burn", ADA, ASSET], 400)]
    minted = chain.token("transfer", *who(ISSUER, BOB), i128(5))
    assert native_events(minted) == [(["mint", BOB, ASSET], 5)]
    assert (chain.balance(ADA), chain.balance(BOB)) == (600, 5)


def test_a_muxed_receivers_id_is_told_in_the_event(chain: ContractChain) -> None:
    muxed = xdr.SCAddress(
        xdr.SCAddressType.SC_ADDRESS_TYPE_MUXED_ACCOUNT,
        muxed_account=xdr.MuxedEd25519Account(id=xdr.Uint64(77), ed25519=xdr.Uint256(account_key_bytes(BOB))),
    )
    receiver = xdr.SCVal(xdr.SCValType.SCV_ADDRESS, address=muxed)
    outcome = chain.token("transfer", address_value(ADA), receiver, i128(3))
    assert native_events(outcome) == [(["transfer", ADA, BOB, ASSET], {"amount": 3, "to_muxed_id": 77})]


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (-1, "Error(Contract, #8)"),
        (1_001, "Error(Contract, #10)"),
        (I64_MAX + 1, "Error(Contract, #12)"),
    ],
)
def test_amounts_that_cannot_be_transferred(chain: ContractChain, amount: int, error: str) -> None:
    outcome = chain.token("transfer", *who(ADA, BOB), i128(amount))
    assert failure_text(outcome) == error
    assert outcome.writes == {}
    assert chain.balance(ADA) == 1_000


def test_a_contract_without_a_balance_cannot_spend(chain: ContractChain) -> None:
    assert failure_text(chain.token("transfer", *who(SAFE, BOB), i128(1))) == "Error(Contract, #10)"
    assert chain.token("transfer", *who(SAFE, BOB), i128(0)).succeeded


def test_a_contract_cannot_spend_more_than_it_has(chain: ContractChain) -> None:
    outcome = chain.token("transfer", *who(WALLET, BOB), i128(1_001))
    assert failure_text(outcome) == "Error(Contract, #10)"
    assert outcome.failure is not None
    assert (
        'data:["balance is not sufficient to spend", '
        "{amount: 1000, authorized: true, clawback: false}, 1001]" in outcome.failure.report
    )


def test_a_trustlines_limit_holds(chain: ContractChain) -> None:
    carol = keypair("carol").public_key
    chain.add_holder(carol, 90, limit=100)
    assert chain.token("transfer", *who(ADA, carol), i128(10)).succeeded
    assert failure_text(chain.token("transfer", *who(ADA, carol), i128(1))) == "Error(Contract, #10)"


def test_offers_hold_parts_of_a_balance_and_of_a_limit(chain: ContractChain) -> None:
    line = new_trustline(account_key_bytes(BOB), Asset("KALE", ISSUER).to_xdr_object(), 1_000, 1)
    line = with_line_balance(line, 500)
    liabilities = xdr.Liabilities(buying=xdr.Int64(400), selling=xdr.Int64(450))
    line.ext = xdr.TrustLineEntryExt(
        1, v1=xdr.TrustLineEntryV1(liabilities=liabilities, ext=xdr.TrustLineEntryV1Ext(0))
    )
    key = trustline_key("KALE", ISSUER, BOB).to_xdr_bytes()
    chain.entries.apply({key: stored_trustline(line, chain.ledger.sequence)})
    assert failure_text(chain.token("transfer", *who(BOB, ADA), i128(51))) == "Error(Contract, #10)"
    assert failure_text(chain.token("transfer", *who(ADA, BOB), i128(101))) == "Error(Contract, #10)"
    assert chain.token("transfer", *who(BOB, ADA), i128(50)).succeeded


@pytest.mark.parametrize("flags", [0, xdr.TrustLineFlags.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG.value])
def test_a_holder_who_is_not_authorized_neither_spends_nor_receives(chain: ContractChain, flags: int) -> None:
    carol = keypair("carol").public_key
    chain.add_holder(carol, 90, flags=flags)
    assert native(chain, "authorized", *who(carol)) is False
    assert failure_text(chain.token("transfer", *who(carol, ADA), i128(1))) == "Error(Contract, #11)"
    assert failure_text(chain.token("transfer", *who(ADA, carol), i128(1))) == "Error(Contract, #11)"


def test_contracts_need_approval_where_the_issuer_requires_it(chain: ContractChain) -> None:
    issuer = new_account(account_key_bytes(ISSUER), 10**9, 0)
    issuer.flags = xdr.Uint32(xdr.AccountFlags.AUTH_REQUIRED_FLAG.value)
    chain.add_account(ISSUER, issuer)
    assert failure_text(chain.token("transfer", *who(ADA, SAFE), i128(1))) == "Error(Contract, #11)"


def test_a_contracts_balance_cannot_leave_128_bits(chain: ContractChain) -> None:
    chain.add_holder(WALLET, I128_MAX)
    assert failure_text(chain.token("transfer", *who(ADA, WALLET), i128(1))) == "Error(Contract, #12)"


# Burn and mint


@pytest.mark.parametrize("holder", [ADA, WALLET])
def test_a_burn_takes_from_its_holder(chain: ContractChain, holder: str) -> None:
    outcome = chain.token("burn", *who(holder), i128(1_000))
    assert chain.balance(holder) == 0
    assert native_events(outcome) == [(["burn", holder, ASSET], 1_000)]


def test_the_issuer_neither_burns_nor_is_minted_to(chain: ContractChain) -> None:
    assert failure_text(chain.token("burn", *who(ISSUER), i128(1))) == "Error(Contract, #2)"
    assert failure_text(chain.token("mint", *who(ISSUER), i128(1))) == "Error(Contract, #2)"


def test_minting_is_the_administrators(chain: ContractChain) -> None:
    outcome = chain.token("mint", *who(BOB), i128(9))
    assert native_events(outcome) == [(["mint", BOB, ASSET], 9)]
    (entry,) = outcome.auth
    assert entry.credentials.address_v2 is not None
    assert entry.credentials.address_v2.address == address_value(FARM).address


# Allowances


def approve(chain: ContractChain, amount: int, live_until: int) -> str | None:
    outcome = chain.token("approve", *who(ADA, BOB), i128(amount), scval.to_uint32(live_until))
    return outcome.failure.text if outcome.failure is not None else None


def test_a_spender_takes_up_to_the_allowance(chain: ContractChain) -> None:
    until = chain.ledger.sequence + 10
    outcome = chain.token("approve", *who(ADA, BOB), i128(300), scval.to_uint32(until))
    assert native_events(outcome) == [(["approve", ADA, BOB, ASSET], [300, until])]
    moved = chain.token("transfer_from", *who(BOB, ADA, SAFE), i128(200))
    assert native_events(moved) == [(["transfer", ADA, SAFE, ASSET], 200)]
    assert native(chain, "allowance", *who(ADA, BOB)) == 100
    assert (
        failure_text(chain.token("transfer_from", *who(BOB, ADA, SAFE), i128(101))) == "Error(Contract, #9)"
    )
    assert chain.token("burn_from", *who(BOB, ADA), i128(100)).succeeded
    assert native(chain, "allowance", *who(ADA, BOB)) == 0
    assert chain.balance(ADA) == 700


def test_an_allowance_ends_after_its_last_ledger(chain: ContractChain) -> None:
    assert approve(chain, 300, chain.ledger.sequence + 10) is None
    chain.advance(10)
    assert native(chain, "allowance", *who(ADA, BOB)) == 300
    chain.advance(1)
    assert native(chain, "allowance", *who(ADA, BOB)) == 0
    assert failure_text(chain.token("transfer_from", *who(BOB, ADA, SAFE), i128(1))) == "Error(Contract, #9)"


def test_an_allowances_last_ledger_has_limits(chain: ContractChain) -> None:
    assert approve(chain, 1, chain.ledger.sequence - 1) == "Error(Contract, #9)"
    assert approve(chain, 1, chain.ledger.max_live_until + 1) == "Error(Contract, #9)"
    assert approve(chain, 0, chain.ledger.sequence - 1) is None
    assert approve(chain, 1, chain.ledger.sequence) is None
    assert approve(chain, 1, chain.ledger.max_live_until) is None
    assert approve(chain, 0, 0) is None
    assert native(chain, "allowance", *who(ADA, BOB)) == 0


# Arguments


def test_wrong_arguments_are_the_hosts_to_refuse(chain: ContractChain) -> None:
    assert failure_text(chain.token("balance", i128(1))) == "Error(Value, UnexpectedType)"
    for args in ([], [*who(ADA), i128(1)]):
        assert failure_text(chain.token("balance", *args)) == "Error(Context, UnexpectedSize)"
    assert failure_text(chain.token("melt", i128(1))) == "Error(Value, InvalidInput)"


def test_a_call_takes_the_same_instructions_whatever_was_called_before(chain: ContractChain) -> None:
    corn = Asset("CORN", ISSUER).contract_id(LOCAL.passphrase)
    chain.entries.apply(token_entries(corn, "CORN", ISSUER, FARM, chain.ledger))
    first, second = (chain.call("symbol", contract=corn) for _ in range(2))
    assert first.succeeded
    assert first.instructions == second.instructions


# Lifetimes


def test_using_the_contract_keeps_its_instance_alive(chain: ContractChain) -> None:
    entry = chain.entry(instance_key(TOKEN))
    assert entry is not None
    assert entry.live_until is not None
    chain.advance(entry.live_until - chain.ledger.sequence - 6 * 17_280 - 1)
    assert chain.token("balance", *who(ADA)).writes == {}
    chain.advance(1)
    (extended,) = chain.token("balance", *who(ADA)).writes.values()
    assert extended is not None
    assert extended.live_until == chain.ledger.sequence + 7 * 17_280
    assert (extended.data, extended.last_modified) == (entry.data, entry.last_modified)


def test_a_contracts_balance_lives_30_days_more_when_used(chain: ContractChain) -> None:
    key = token_balance_key(TOKEN, WALLET)
    entry = chain.entry(key)
    assert entry is not None
    assert entry.live_until is not None
    chain.advance(entry.live_until - chain.ledger.sequence - 29 * 17_280)
    chain.token("transfer", *who(ADA, WALLET), i128(1))
    entry = chain.entry(key)
    assert entry is not None
    assert entry.live_until == chain.ledger.sequence + 30 * 17_280
