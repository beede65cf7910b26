"""Authorisation entries of a plant of Ada's, and calls that carry them."""

from collections.abc import Sequence

from stellar_sdk import Keypair, StrKey, scval, xdr
from stellar_sdk.auth import authorize_entry

from kale.addresses import sc_address
from kale.networks import LOCAL
from localnet.ledger.call_reader import read_authorization
from localnet.ledger.wire_reader import MAX_DEPTH, WireReader
from localnet.soroban.invocation import EnforceAuth, Invocation, RecordAuth
from tests.localnet.contract_chain import (
    FARM,
    TOKEN,
    ContractChain,
    keypair,
    plant_arguments,
)

ADA, BOB = keypair("ada"), keypair("bob")
TRACTOR = StrKey.encode_contract(bytes(range(32)))
CARRIER = keypair("carrier").public_key
TEMPORARY = xdr.ContractDataDurability.TEMPORARY
SOURCE_CREDENTIALS = xdr.SorobanCredentials(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


def chain_of_ada(stroops: int) -> ContractChain:
    """Ada has so much and block 1 can be opened."""
    chain = ContractChain()
    chain.add_holder(ADA.public_key, stroops)
    chain.advance(60)
    return chain


def call_tree(
    contract: str, function: str, args: Sequence[xdr.SCVal], *children: xdr.SorobanAuthorizedInvocation
) -> xdr.SorobanAuthorizedInvocation:
    return xdr.SorobanAuthorizedInvocation(
        function=xdr.SorobanAuthorizedFunction(
            xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN,
            contract_fn=xdr.InvokeContractArgs(
                contract_address=sc_address(contract),
                function_name=xdr.SCSymbol(function.encode()),
                args=list(args),
            ),
        ),
        sub_invocations=list(children),
    )


def plant_tree(amount: int, farmer: Keypair = ADA) -> xdr.SorobanAuthorizedInvocation:
    args = plant_arguments(farmer.public_key, amount)
    return call_tree(FARM, "plant", args, call_tree(TOKEN, "burn", args))


def unsigned(
    tree: xdr.SorobanAuthorizedInvocation, nonce: int, *, address_bound: bool = True, farmer: Keypair = ADA
) -> xdr.SorobanAuthorizationEntry:
    inner = xdr.SorobanAddressCredentials(
        address=sc_address(farmer.public_key),
        nonce=xdr.Int64(nonce),
        signature_expiration_ledger=xdr.Uint32(0),
        signature=scval.to_void(),
    )
    kinds = xdr.SorobanCredentialsType
    if address_bound:
        credentials = xdr.SorobanCredentials(kinds.SOROBAN_CREDENTIALS_ADDRESS_V2, address_v2=inner)
    else:
        credentials = xdr.SorobanCredentials(kinds.SOROBAN_CREDENTIALS_ADDRESS, address=inner)
    return xdr.SorobanAuthorizationEntry(credentials, tree)


def signed(
    amount: int,
    nonce: int = 1,
    *,
    valid_until: int = 2_000,
    address_bound: bool = True,
    signer: Keypair = ADA,
) -> xdr.SorobanAuthorizationEntry:
    """An entry as the SDK signs it: a second implementation of the payload."""
    entry = unsigned(plant_tree(amount), nonce, address_bound=address_bound)
    return authorize_entry(entry, signer, valid_until, LOCAL.passphrase)


def enforce(*entries: xdr.SorobanAuthorizationEntry, source: str = CARRIER) -> EnforceAuth:
    read = [read_authorization(WireReader(entry.to_xdr_bytes()), MAX_DEPTH) for entry in entries]
    return EnforceAuth(source, read)


def plant(chain: ContractChain, amount: int, auth: EnforceAuth | RecordAuth) -> Invocation:
    return chain.call("plant", *plant_arguments(ADA.public_key, amount), auth=auth)
