"""Calls are cut out of their encoding as the SDK decodes them, whoever authorises and however deep."""

from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import scval, xdr
from xdrlib3 import Unpacker

from kale import calls
from kale.addresses import contract_hash, sc_address
from kale.networks import LOCAL
from localnet.ledger.call_reader import AuthorizedCall, read_authorization, read_invoked_function
from localnet.ledger.call_wire import authorized_call, encode_credentials
from localnet.ledger.wire_reader import MAX_DEPTH, WIRE_ERRORS, WireReader
from tests.localnet.ledger.test_value_wire import accounts, integers, values

KINDS = xdr.SorobanCredentialsType
_BY_SOURCE = xdr.SorobanCredentials(KINDS.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)
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
    st.just(_BY_SOURCE),
    st.builds(
        signed,
        st.sampled_from([KINDS.SOROBAN_CREDENTIALS_ADDRESS, KINDS.SOROBAN_CREDENTIALS_ADDRESS_V2]),
        accounts,
        integers(64, signed=True),
    ),
)


def split(root: xdr.SorobanAuthorizedInvocation) -> AuthorizedCall:
    return AuthorizedCall(root.function.to_xdr_bytes(), [split(child) for child in root.sub_invocations])


def reader_of(structure: xdr.SorobanAuthorizationEntry | xdr.InvokeHostFunctionOp) -> WireReader:
    return WireReader(structure.to_xdr_bytes())


@given(credentials, invocations)
def test_authorisation(by: xdr.SorobanCredentials, root: xdr.SorobanAuthorizedInvocation) -> None:
    entry = xdr.SorobanAuthorizationEntry(by, root)
    assert read_authorization(reader_of(entry), MAX_DEPTH) == (by, split(root), entry.to_xdr_bytes())
    assert encode_credentials(by) == by.to_xdr_bytes()


@given(values)
def test_an_authorised_call_is_encoded_from_encoded_arguments(argument: xdr.SCVal) -> None:
    args = [argument.to_xdr_bytes(), scval.to_void().to_xdr_bytes()]
    assert authorized_call(LOCAL.farm_contract_id, "any", args) == authorized(argument).to_xdr_bytes()


@given(st.lists(values, max_size=3), credentials, invocations)
def test_invoked_functions(
    args: list[xdr.SCVal], by: xdr.SorobanCredentials, root: xdr.SorobanAuthorizedInvocation
) -> None:
    function = calls.invocation(LOCAL.farm_contract_id, "any_function", args)
    entry = xdr.SorobanAuthorizationEntry(by, root)
    reader = reader_of(xdr.InvokeHostFunctionOp(function, [entry, entry]))
    invoked = read_invoked_function(reader, MAX_DEPTH)
    assert reader.position == len(reader.raw)
    assert invoked.function == function.to_xdr_bytes()
    assert [authorization.encoded for authorization in invoked.auth] == [entry.to_xdr_bytes()] * 2
    assert invoked.call == (
        contract_hash(LOCAL.farm_contract_id),
        b"any_function",
        tuple(value.to_xdr_bytes() for value in args),
    )


def test_what_calls_no_contract_is_kept_whole() -> None:
    to_account = calls.invocation(LOCAL.farm_contract_id, "any", [])
    assert to_account.invoke_contract is not None
    to_account.invoke_contract.contract_address = sc_address(LOCAL.asset_issuer)
    for function, call in ((UPLOAD, None), (to_account, (None, b"any", ()))):
        operation = xdr.InvokeHostFunctionOp(function, [])
        assert read_invoked_function(reader_of(operation), MAX_DEPTH) == (function.to_xdr_bytes(), call, [])


@given(invocations, st.data())
def test_broken_authorisation_is_refused_as_by_the_sdk(
    root: xdr.SorobanAuthorizedInvocation, data: st.DataObject
) -> None:
    raw = bytearray(xdr.SorobanAuthorizationEntry(_BY_SOURCE, root).to_xdr_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    broken = bytes(raw[: data.draw(st.integers(position, len(raw)))])
    expected: bytes | None
    try:
        expected = xdr.SorobanAuthorizationEntry.unpack(Unpacker(broken)).to_xdr_bytes()
    except WIRE_ERRORS:
        expected = None
    if expected is not None and not broken.startswith(expected):
        expected = None  # a flag above 1 or padding that is not zero
    found: bytes | None
    try:
        found = read_authorization(WireReader(broken), MAX_DEPTH).encoded
    except WIRE_ERRORS:
        found = None
    assert found == expected
