"""What issuers do with trustlines: authorise, revoke, claw back; and what that means for payments."""

from typing import Any

import pytest
from stellar_sdk import Asset, AuthorizationFlag, Keypair, TrustLineEntryFlag, TrustLineFlags, scval, xdr
from stellar_sdk.exceptions import PrepareTransactionException
from stellar_sdk.operation import AllowTrust

from kale import calls
from localnet.genesis import FAUCET, ISSUER
from localnet.testing import NodeHandle
from tests.localnet.play import Applied, Play
from tests.localnet.wallet import Wallet

REQUIRED = AuthorizationFlag.AUTHORIZATION_REQUIRED
REVOCABLE = AuthorizationFlag.AUTHORIZATION_REVOCABLE
CLAWBACK = AuthorizationFlag.AUTHORIZATION_CLAWBACK_ENABLED
AUTHORIZED = TrustLineFlags.AUTHORIZED_FLAG
MAINTAINS = TrustLineFlags.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG
CLAWED = TrustLineFlags.TRUSTLINE_CLAWBACK_ENABLED_FLAG
TRAPPED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED


class Corn:
    """An asset of an issuer with the given flags, and one holder of it."""

    def __init__(self, play: Play, flags: AuthorizationFlag | None = None) -> None:
        self.play = play
        self.issuer = play.funded("corn issuer")
        self.asset = Asset("CORN", self.issuer.public_key)
        if flags is not None:
            self.issue(set_options={"set_flags": flags})
        self.holder = play.funded("holder")
        play.apply(play.builder(self.holder).append_change_trust_op(self.asset), self.holder)

    def issue(self, *, set_options: dict[str, Any]) -> Applied:
        builder = self.play.builder(self.issuer).append_set_options_op(**set_options)
        return self.play.apply(builder, self.issuer)

    def set_flags(
        self, set_flags: TrustLineFlags | None = None, clear_flags: TrustLineFlags | None = None
    ) -> Applied:
        builder = self.play.builder(self.issuer).append_set_trust_line_flags_op(
            self.holder.public_key, self.asset, clear_flags, set_flags
        )
        return self.play.apply(builder, self.issuer)

    def allow(self, authorize: TrustLineEntryFlag) -> Applied:
        operation = self.play.builder(self.issuer).append_operation(
            _allow_trust(self.holder, "CORN", authorize)
        )
        return self.play.apply(operation, self.issuer)

    def pay(self, source: Keypair, destination: Keypair, amount: str = "1") -> str:
        builder = self.play.builder(source).append_payment_op(destination.public_key, self.asset, amount)
        return self.play.apply(builder, source).operation_codes[0]

    @property
    def flags(self) -> int:
        return self.play.line(self.holder, self.asset).flags.uint32


def _allow_trust(trustor: Keypair, code: str, authorize: TrustLineEntryFlag) -> AllowTrust:
    with pytest.deprecated_call():  # in the SDK; the network still takes it
        return AllowTrust(trustor.public_key, code, authorize)


def authorized_event(applied: Applied) -> object:
    (event,) = applied.meta.operations[0].events
    assert event.body.v0 is not None
    assert scval.to_native(event.body.v0.topics[0]) == "set_authorized"
    return scval.to_native(event.body.v0.data)


def test_a_new_line_waits_where_the_issuer_wants_to_be_asked(play: Play) -> None:
    corn = Corn(play, REQUIRED | REVOCABLE)
    assert corn.flags == 0
    assert corn.pay(corn.issuer, corn.holder) == "PAYMENT_NOT_AUTHORIZED"
    assert authorized_event(corn.set_flags(AUTHORIZED)) is True
    assert corn.pay(corn.issuer, corn.holder) == "PAYMENT_SUCCESS"
    assert authorized_event(corn.set_flags(MAINTAINS, AUTHORIZED)) is False
    assert corn.flags == MAINTAINS
    assert corn.pay(corn.holder, corn.issuer) == "PAYMENT_SRC_NOT_AUTHORIZED"
    assert authorized_event(corn.set_flags(clear_flags=MAINTAINS)) is False
    assert corn.pay(corn.holder, corn.issuer) == "PAYMENT_SRC_NOT_AUTHORIZED"


def test_only_a_revocable_issuer_revokes(play: Play) -> None:
    corn = Corn(play)
    assert corn.set_flags(clear_flags=AUTHORIZED).operation_codes == ["SET_TRUST_LINE_FLAGS_CANT_REVOKE"]
    codes = corn.set_flags(MAINTAINS, AUTHORIZED).operation_codes
    assert codes == ["SET_TRUST_LINE_FLAGS_CANT_REVOKE"]
    assert corn.set_flags(AUTHORIZED, MAINTAINS).operation_codes == ["SET_TRUST_LINE_FLAGS_SUCCESS"]


def test_a_line_has_one_kind_of_authorisation(play: Play) -> None:
    corn = Corn(play, REVOCABLE)
    assert corn.set_flags(MAINTAINS).operation_codes == ["SET_TRUST_LINE_FLAGS_INVALID_STATE"]


@pytest.mark.parametrize(
    ("trustor", "asset", "clear", "add"),
    [
        ("holder", Asset.native(), None, AUTHORIZED),
        ("holder", Asset("CORN", FAUCET.public_key), None, AUTHORIZED),
        ("corn issuer", None, None, AUTHORIZED),
        ("holder", None, AUTHORIZED, AUTHORIZED),
        ("holder", None, None, CLAWED),
        ("holder", None, None, AUTHORIZED | MAINTAINS),
        ("holder", None, TrustLineFlags(8), None),
    ],
)
def test_flags_that_no_line_can_get_are_refused_at_once(
    play: Play,
    trustor: str,
    asset: Asset | None,
    clear: TrustLineFlags | None,
    add: TrustLineFlags | None,
) -> None:
    corn = Corn(play)
    builder = play.builder(corn.issuer).append_set_trust_line_flags_op(
        play.key(trustor).public_key, asset or corn.asset, clear, add
    )
    assert play.refusal(builder, corn.issuer) == ["txFAILED", "SET_TRUST_LINE_FLAGS_MALFORMED"]


def test_who_has_no_line_is_not_authorised(play: Play) -> None:
    corn = Corn(play)
    builder = play.builder(corn.issuer).append_set_trust_line_flags_op(
        FAUCET.public_key, corn.asset, set_flags=AUTHORIZED
    )
    builder.append_operation(_allow_trust(FAUCET, "CORN", TrustLineEntryFlag.AUTHORIZED_FLAG))
    assert play.apply(builder, corn.issuer).operation_codes == [
        "SET_TRUST_LINE_FLAGS_NO_TRUST_LINE",
        "ALLOW_TRUST_NO_TRUST_LINE",
    ]


def test_allow_trust_is_the_older_way(play: Play) -> None:
    corn = Corn(play, REVOCABLE)
    assert authorized_event(corn.allow(TrustLineEntryFlag.UNAUTHORIZED_FLAG)) is False
    assert corn.flags == 0
    assert authorized_event(corn.allow(TrustLineEntryFlag.AUTHORIZED_FLAG)) is True
    assert authorized_event(corn.allow(TrustLineEntryFlag.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG)) is False
    assert corn.flags == MAINTAINS
    corn.allow(TrustLineEntryFlag.AUTHORIZED_FLAG)
    corn.issue(set_options={"clear_flags": REVOCABLE})
    for authorize in (
        TrustLineEntryFlag.UNAUTHORIZED_FLAG,
        TrustLineEntryFlag.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG,
    ):
        assert corn.allow(authorize).operation_codes == ["ALLOW_TRUST_CANT_REVOKE"]
    itself = play.builder(corn.issuer).append_operation(
        _allow_trust(corn.issuer, "CORN", TrustLineEntryFlag.AUTHORIZED_FLAG)
    )
    assert play.refusal(itself, corn.issuer) == ["txFAILED", "ALLOW_TRUST_MALFORMED"]


def test_an_issuer_claws_back_even_what_it_has_frozen(play: Play) -> None:
    corn = Corn(play, REVOCABLE | CLAWBACK)
    assert corn.flags == AUTHORIZED | CLAWED
    assert corn.pay(corn.issuer, corn.holder, "5") == "PAYMENT_SUCCESS"
    corn.set_flags(clear_flags=AUTHORIZED)

    def claw(amount: str, holder: Keypair = corn.holder) -> Applied:
        builder = play.builder(corn.issuer).append_clawback_op(corn.asset, holder.public_key, amount)
        return play.apply(builder, corn.issuer)

    assert claw("5.0000001").operation_codes == ["CLAWBACK_UNDERFUNDED"]
    assert claw("1", FAUCET).operation_codes == ["CLAWBACK_NO_TRUST"]
    (event,) = claw("2").meta.operations[0].events
    assert event.body.v0 is not None
    assert scval.to_native(event.body.v0.topics[0]) == "clawback"
    assert scval.to_native(event.body.v0.data) == 2 * 10**7
    assert play.line(corn.holder, corn.asset).balance.int64 == 3 * 10**7
    corn.set_flags(clear_flags=CLAWED)
    assert claw("1").operation_codes == ["CLAWBACK_NOT_CLAWBACK_ENABLED"]


def test_only_an_issuer_claws_back(play: Play) -> None:
    corn = Corn(play)
    for source, holder in ((FAUCET, corn.holder), (corn.issuer, corn.issuer)):
        builder = play.builder(source).append_clawback_op(corn.asset, holder.public_key, "1")
        assert play.refusal(builder, source) == ["txFAILED", "CLAWBACK_MALFORMED"]


def test_flags_are_set_with_the_low_threshold(play: Play) -> None:
    corn = Corn(play, REVOCABLE)
    helper = play.funded("helper")
    corn.issue(set_options={"low_threshold": 1, "med_threshold": 5, "high_threshold": 5, "master_weight": 5})
    adding = play.builder(corn.issuer).append_ed25519_public_key_signer(helper.public_key, 1)
    assert play.apply(adding, corn.issuer).succeeded
    builder = play.builder(corn.issuer).append_set_trust_line_flags_op(
        corn.holder.public_key, corn.asset, clear_flags=AUTHORIZED
    )
    assert play.apply(builder, helper).succeeded
    builder = play.builder(corn.issuer).append_clawback_op(corn.asset, corn.holder.public_key, "1")
    assert play.refusal(builder, helper) == ["txFAILED", "opBAD_AUTH"]


async def test_a_frozen_farmer_does_not_plant_with_a_stake(farmer: Wallet, node: NodeHandle) -> None:
    issuer = Wallet(node, farmer.rpc, ISSUER)
    await issuer.apply((await issuer.builder()).append_set_options_op(set_flags=REVOCABLE))
    plant = calls.plant(node.network.farm_contract_id, farmer.address, 10**7)
    prepared = await farmer.prepared(plant)

    async def freeze(clear: TrustLineFlags | None, add: TrustLineFlags | None) -> None:
        builder = (await issuer.builder()).append_set_trust_line_flags_op(
            farmer.address, farmer.asset, clear, add
        )
        assert (await issuer.apply(builder)).succeeded

    await freeze(AUTHORIZED, None)
    assert (await farmer.include(prepared)).invocation_code == TRAPPED
    with pytest.raises(PrepareTransactionException) as refused:
        await farmer.prepared(plant)
    error = refused.value.simulate_transaction_response.error
    assert error is not None
    assert error.startswith("HostError: Error(Contract, #11)")
    await freeze(None, AUTHORIZED)
    assert (await farmer.call(plant)).succeeded
