"""What the administrator and the issuer's flags do to holders, and `trust`."""

import pytest
from stellar_sdk import StrKey, scval, xdr

from kale.addresses import account_key_bytes, address_value
from kale.storage import account_key, token_balance_key, trustline_key
from localnet.ledger.accounts import MAX_SUBENTRIES, new_account, with_subentries
from tests.localnet.contract_chain import (
    AUTHORIZED,
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
ASSET = f"KALE:{ISSUER}"
CLAWBACK = xdr.TrustLineFlags.TRUSTLINE_CLAWBACK_ENABLED_FLAG.value
_ACCOUNT = xdr.AccountFlags


@pytest.fixture
def chain() -> ContractChain:
    """Ada holds 1,000, and her line can be clawed back."""
    chain = ContractChain()
    chain.add_holder(ADA, 1_000, flags=AUTHORIZED | CLAWBACK)
    chain.add_holder(BOB, 10)
    return chain


def set_issuer_flags(chain: ContractChain, *flags: xdr.AccountFlags) -> None:
    issuer = new_account(account_key_bytes(ISSUER), 10**9, 0)
    issuer.flags = xdr.Uint32(sum(flags))
    chain.add_account(ISSUER, issuer)


def who(*addresses: str) -> list[xdr.SCVal]:
    return [address_value(address) for address in addresses]


def line_flags(chain: ContractChain, holder: str) -> int:
    entry = chain.entry(trustline_key("KALE", ISSUER, holder))
    assert entry is not None
    assert entry.data.trust_line is not None
    return entry.data.trust_line.flags.uint32


def set_authorized(chain: ContractChain, holder: str, authorized: bool) -> str | None:
    outcome = chain.token("set_authorized", *who(holder), scval.to_bool(authorized))
    if outcome.failure is not None:
        return outcome.failure.text
    assert native_events(outcome) == [(["set_authorized", holder, ASSET], authorized)]
    (entry,) = outcome.auth
    assert entry.credentials.address_v2 is not None
    assert entry.credentials.address_v2.address == address_value(FARM).address
    return None


# Clawback


def test_the_administrator_claws_back_what_a_line_allows(chain: ContractChain) -> None:
    outcome = chain.token("clawback", *who(ADA), scval.to_int128(400))
    assert native_events(outcome) == [(["clawback", ADA, ASSET], 400)]
    assert chain.balance(ADA) == 600


@pytest.mark.parametrize(
    ("holder", "amount", "error"),
    [
        (BOB, 1, "Error(Contract, #10)"),
        (ISSUER, 1, "Error(Contract, #2)"),
        (ADA, -1, "Error(Contract, #8)"),
        (ADA, 1_001, "Error(Contract, #10)"),
        (WALLET, 0, "Error(Contract, #10)"),
        (keypair("nobody").public_key, 1, "Error(Contract, #13)"),
    ],
)
def test_what_cannot_be_clawed_back(chain: ContractChain, holder: str, amount: int, error: str) -> None:
    assert failure_text(chain.token("clawback", *who(holder), scval.to_int128(amount))) == error


def test_a_contracts_balance_can_be_clawed_back_if_the_issuer_could_when_it_began(
    chain: ContractChain,
) -> None:
    set_issuer_flags(chain, _ACCOUNT.AUTH_CLAWBACK_ENABLED_FLAG, _ACCOUNT.AUTH_REVOCABLE_FLAG)
    assert chain.token("transfer", *who(ADA, WALLET), scval.to_int128(7)).succeeded
    assert set_authorized(chain, WALLET, False) is None
    assert chain.token("clawback", *who(WALLET), scval.to_int128(7)).succeeded
    assert chain.balance(WALLET) == 0


# Authorisation


def test_a_holder_is_stopped_and_let_go_again(chain: ContractChain) -> None:
    set_issuer_flags(chain, _ACCOUNT.AUTH_REVOCABLE_FLAG)
    assert set_authorized(chain, BOB, False) is None
    assert line_flags(chain, BOB) == xdr.TrustLineFlags.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG
    assert failure_text(chain.token("burn", *who(BOB), scval.to_int128(1))) == "Error(Contract, #11)"
    assert set_authorized(chain, BOB, True) is None
    assert line_flags(chain, BOB) == AUTHORIZED
    assert set_authorized(chain, BOB, True) is None


def test_a_contract_can_hold_nothing_new_of_an_issuer_that_is_gone(chain: ContractChain) -> None:
    chain.entries.apply({account_key(ISSUER).to_xdr_bytes(): None})
    nobody = StrKey.encode_contract(bytes(range(32)))
    outcome = chain.token("authorized", address_value(nobody))
    assert failure_text(outcome) == "Error(Storage, MissingValue)"
    assert outcome.failure is not None
    assert f'data:["account entry is missing", {ISSUER}]' in outcome.failure.report


def test_nobody_is_stopped_whose_issuer_did_not_reserve_the_right(chain: ContractChain) -> None:
    assert set_authorized(chain, BOB, False) == "Error(Contract, #2)"
    assert set_authorized(chain, ISSUER, True) == "Error(Contract, #2)"


def test_a_contract_is_authorised_before_it_holds_anything(chain: ContractChain) -> None:
    set_issuer_flags(chain, _ACCOUNT.AUTH_REQUIRED_FLAG)
    assert set_authorized(chain, WALLET, True) is None
    entry = chain.entry(token_balance_key(TOKEN, WALLET))
    assert entry is not None
    assert entry.live_until == chain.ledger.sequence + 2_073_599
    assert chain.token("transfer", *who(ADA, WALLET), scval.to_int128(7)).succeeded


# Administration


def test_the_administrator_hands_over(chain: ContractChain) -> None:
    outcome = chain.token("set_admin", *who(BOB))
    assert native_events(outcome)[0][0] == ["set_admin", FARM, ASSET]
    assert outcome.events[0].data == address_value(BOB).to_xdr_bytes()
    assert chain.token("admin").value == address_value(BOB)
    (entry,) = chain.token("mint", *who(ADA), scval.to_int128(1)).auth
    assert entry.credentials.address_v2 is not None
    assert entry.credentials.address_v2.address == address_value(BOB).address


# Trust


def test_trust_makes_an_unlimited_line_for_who_authorises_it(chain: ContractChain) -> None:
    carol = keypair("carol").public_key
    chain.add_account(carol)
    outcome = chain.token("trust", *who(carol))
    assert outcome.succeeded
    assert outcome.events == ()
    (entry,) = outcome.auth
    assert entry.credentials.address_v2 is not None
    assert line_flags(chain, carol) == AUTHORIZED
    account = chain.entry(account_key(carol))
    assert account is not None
    assert account.data.account is not None
    assert account.data.account.num_sub_entries.uint32 == 1
    assert account_key(ISSUER).to_xdr_bytes() in outcome.touched_read_only
    again = chain.token("trust", *who(carol))
    assert again.succeeded
    assert (again.auth, again.writes) == ((), {})


def test_the_issuers_flags_shape_the_line(chain: ContractChain) -> None:
    set_issuer_flags(chain, _ACCOUNT.AUTH_REQUIRED_FLAG, _ACCOUNT.AUTH_CLAWBACK_ENABLED_FLAG)
    carol = keypair("carol").public_key
    chain.add_account(carol)
    assert chain.token("trust", *who(carol)).succeeded
    assert line_flags(chain, carol) == CLAWBACK


def test_who_cannot_have_a_line(chain: ContractChain) -> None:
    poor, full, nobody = (keypair(name).public_key for name in ("poor", "full", "nobody"))
    chain.add_account(poor, new_account(account_key_bytes(poor), 14_999_999, 0))
    chain.add_account(full, with_subentries(new_account(account_key_bytes(full), 10**12, 0), MAX_SUBENTRIES))
    assert failure_text(chain.token("trust", *who(ISSUER))) == "Error(Contract, #2)"
    assert failure_text(chain.token("trust", *who(poor))) == "Error(Contract, #14)"
    assert failure_text(chain.token("trust", *who(full))) == "Error(Contract, #15)"
    assert failure_text(chain.token("trust", *who(nobody))) == "Error(Contract, #6)"
    assert chain.token("trust", *who(WALLET)).writes == {}
