"""The quick encoder of calls gives the SDK's bytes, whoever authorises and however deep."""

from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import scval, xdr

from kale import calls
from kale.addresses import sc_address
from kale.networks import LOCAL
from localnet.ledger.call_wire import encode_authorization, encode_authorized_function, encode_host_function
from tests.localnet.ledger.test_value_wire import accounts, integers, values

KINDS = xdr.SorobanCredentialsType
UPLOAD = xdr.HostFunction(xdr.HostFunctionType.HOST_FUNCTION_TYPE_UPLOAD_CONTRACT_WASM, wasm=b"wasm")


def authorized(argument: xdr.SCVal) -> xdr.SorobanAuthorizedFunction:
    call = calls.invocation(LOCAL.farm_contract_id, "any", [argument, scval.to_void()]).invoke_contract
    return xdr.SorobanAuthorizedFunction(
        xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN, contract_fn=call
    )


invocations = st.recursive(
    values.map(lambda value: xdr.SorobanAuthorizedInvocation(authorized(value), [])),
    lambda inner: st.builds(
        lambda value, children: xdr.SorobanAuthorizedInvocation(authorized(value), children),
        values,
        st.lists(inner, max_size=3),
    ),
    max_leaves=4,
)


def signed(kind: xdr.SorobanCredentialsType, address: str, nonce: int) -> xdr.SorobanCredentials:
    inner = xdr.SorobanAddressCredentials(
        sc_address(address), xdr.Int64(nonce), xdr.Uint32(7), scval.to_bytes(b"signature")
    )
    if kind is KINDS.SOROBAN_CREDENTIALS_ADDRESS_V2:
        return xdr.SorobanCredentials(kind, address_v2=inner)
    return xdr.SorobanCredentials(kind, address=inner)


credentials = st.one_of(
    st.just(xdr.SorobanCredentials(KINDS.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)),
    st.builds(
        signed,
        st.sampled_from([KINDS.SOROBAN_CREDENTIALS_ADDRESS, KINDS.SOROBAN_CREDENTIALS_ADDRESS_V2]),
        accounts,
        integers(64, signed=True),
    ),
)


@given(credentials, invocations)
def test_authorisation(by: xdr.SorobanCredentials, root: xdr.SorobanAuthorizedInvocation) -> None:
    entry = xdr.SorobanAuthorizationEntry(by, root)
    assert encode_authorization(entry) == entry.to_xdr_bytes()
    assert encode_authorized_function(root.function) == root.function.to_xdr_bytes()


@given(accounts, integers(127, signed=False))
def test_host_functions(address: str, amount: int) -> None:
    call = calls.plant(LOCAL.farm_contract_id, address, amount)
    assert encode_host_function(call) == call.to_xdr_bytes()
    assert encode_host_function(UPLOAD) == UPLOAD.to_xdr_bytes()
