"""Who has authorised what: recorded in simulation, demanded on apply (CAP-46-11, CAP-71).

An authorisation is a tree of calls (`auth_trees`).
"""

from collections.abc import Sequence
from typing import Final, Protocol

from stellar_sdk import scval, xdr

from kale.addresses import address_text, sc_address
from localnet.ledger import value_wire
from localnet.ledger.call_reader import Authorization
from localnet.ledger.call_wire import encode_credentials
from localnet.ledger.value_wire import encode_value
from localnet.soroban import cost_table
from localnet.soroban.account_signatures import SignatureError, check_account_signatures, given_signatures
from localnet.soroban.auth_trees import AuthSnapshot, AuthTree, Call, CallNode
from localnet.soroban.budget import Budget
from localnet.soroban.credentials import address_credentials, authorization_payload
from localnet.soroban.errors import ErrorCode, ErrorType, HostError
from localnet.soroban.invocation import EnforceAuth, LedgerInfo, RecordAuth

_CREDENTIALS: Final = xdr.SorobanCredentialsType
_BY_SOURCE: Final = xdr.SorobanCredentials(_CREDENTIALS.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


class AuthHost(Protocol):
    """What authentication needs of the host."""

    @property
    def ledger(self) -> LedgerInfo: ...

    @property
    def budget(self) -> Budget: ...

    def find_account(self, address: str) -> xdr.AccountEntry | None:
        """The account entry of a G address; reading it counts to the footprint."""

    def touch_signer(self, address: str) -> None:
        """Counts what authenticating the address will read to the footprint."""

    def put_nonce(self, address: str, nonce: int, live_until: int) -> bool:
        """Uses a nonce up; False if it is used already."""

    def check_custom_account(self, contract_id: str, args: tuple[bytes, ...]) -> None:
        """Calls `__check_auth` of a contract; raises HostError if it refuses."""

    def error(self, error: xdr.SCError, message: str, args: Sequence[bytes] = ()) -> HostError:
        """Logs an error and returns it to be raised."""

    def fail(
        self,
        kind: xdr.SCErrorType,
        code: xdr.SCErrorCode,
        message: str,
        args: Sequence[bytes] = (),
    ) -> HostError:
        """The same for an error of the host's own."""


class Authorizer(Protocol):
    """Follows the calls and answers `require_auth`."""

    def enter(self) -> None:
        """A call begins."""

    def leave(self) -> None:
        """It ends."""

    def require(self, address: str, call: Call) -> None:
        """`address` must have authorised `call`, the current one; raises HostError otherwise."""

    def snapshot(self) -> "AuthSnapshot":
        """What is used and recorded so far, for `restore` when a call within the call fails."""

    def restore(self, snapshot: "AuthSnapshot") -> None:
        """Takes back what was used and recorded since."""

    def recorded(self) -> tuple[bytes, ...]:
        """What was asked for, as XDR `SorobanAuthorizationEntry`s; nothing if it was demanded."""


class RecordingAuthorizer:
    """Grants everything and writes down what was asked for."""

    def __init__(self, settings: RecordAuth, host: AuthHost) -> None:
        self._settings = settings
        self._host = host
        self._depth = 0
        self._trees: list[AuthTree] = []

    def enter(self) -> None:
        self._depth += 1
        for tree in self._trees:
            tree.path.append(None)

    def leave(self) -> None:
        self._depth -= 1
        for tree in self._trees:
            tree.path.pop()

    def require(self, address: str, call: Call) -> None:
        node = CallNode.recorded(call)
        for tree in self._trees:
            parent = tree.innermost
            if tree.address == address and parent is not None and not tree.matched_here:
                parent.children.append(node)
                tree.path[-1] = node
                return
        if self._settings.root_only and self._depth > 1:
            raise self._host.fail(
                ErrorType.SCE_AUTH,
                ErrorCode.SCEC_INVALID_ACTION,
                "[recording authorization only] encountered authorization not tied to the root contract "
                "invocation for an address. Use `require_auth()` in the top invocation or enable non-root "
                "authorization.",
                [value_wire.address(address)],
            )
        path: list[CallNode | None] = [None] * (self._depth - 1)
        self._trees.append(AuthTree(address, node, self._new_credentials(address), [*path, node]))

    def snapshot(self) -> AuthSnapshot:
        return AuthSnapshot.of(self._trees)

    def restore(self, snapshot: AuthSnapshot) -> None:
        self._trees = snapshot.restored()

    def recorded(self) -> tuple[bytes, ...]:
        return tuple([encode_credentials(tree.credentials) + tree.root.invocation() for tree in self._trees])

    def _new_credentials(self, address: str) -> xdr.SorobanCredentials:
        if address == self._settings.source:
            return _BY_SOURCE
        nonce = self._settings.nonces()
        # As long as any signature could be valid: the simulated rent is an upper bound.
        self._host.put_nonce(address, nonce, self._host.ledger.max_live_until)
        self._host.touch_signer(address)
        # As if it were demanded: what is recorded must suffice for one signature.
        self._host.budget.charge(cost_table.AUTH_PAYLOAD + cost_table.SIGNATURE)
        inner = xdr.SorobanAddressCredentials(
            address=sc_address(address),
            nonce=xdr.Int64(nonce),
            signature_expiration_ledger=xdr.Uint32(0),
            signature=scval.to_void(),
        )
        if self._settings.address_bound:
            return xdr.SorobanCredentials(_CREDENTIALS.SOROBAN_CREDENTIALS_ADDRESS_V2, address_v2=inner)
        return xdr.SorobanCredentials(_CREDENTIALS.SOROBAN_CREDENTIALS_ADDRESS, address=inner)


class EnforcingAuthorizer:
    """Grants only what the entries of the operation authorise."""

    def __init__(self, settings: EnforceAuth, host: AuthHost) -> None:
        self._settings = settings
        self._host = host
        self._trees = [self._tree(entry) for entry in settings.entries]

    def enter(self) -> None:
        for tree in self._trees:
            tree.path.append(None)

    def leave(self) -> None:
        for tree in self._trees:
            tree.path.pop()

    def require(self, address: str, call: Call) -> None:
        for tree in self._trees:
            if tree.address == address and tree.match(call.encoded):
                if not tree.authenticated:
                    self._authenticate(tree)
                    tree.authenticated = True
                return
        raise self._host.fail(
            ErrorType.SCE_AUTH,
            ErrorCode.SCEC_INVALID_ACTION,
            "Unauthorized function call for address",
            [value_wire.address(address)],
        )

    def snapshot(self) -> AuthSnapshot:
        return AuthSnapshot.of(self._trees)

    def restore(self, snapshot: AuthSnapshot) -> None:
        self._trees = snapshot.restored()

    def recorded(self) -> tuple[bytes, ...]:
        return ()

    def _tree(self, entry: Authorization) -> AuthTree:
        try:
            signed = address_credentials(entry.credentials)
            address = self._settings.source if signed is None else address_text(signed.address)
        except ValueError as error:
            raise self._host.fail(ErrorType.SCE_AUTH, ErrorCode.SCEC_INVALID_INPUT, str(error)) from error
        return AuthTree(address, CallNode.demanded(entry.root), entry.credentials, [])

    def _authenticate(self, tree: AuthTree) -> None:
        """In the host's order: signature, expiry, nonce. The transaction signed for its source."""
        signed = address_credentials(tree.credentials)
        if signed is None:
            return
        self._host.budget.charge(cost_table.AUTH_PAYLOAD)
        address = value_wire.address(tree.address)
        payload = authorization_payload(
            self._host.ledger.network_id, tree.credentials, tree.root.invocation()
        )
        try:
            self._check_signature(tree, payload, signed.signature)
        except HostError as error:
            if not error.is_recoverable:
                raise
            raise self._host.fail(
                ErrorType.SCE_AUTH,
                ErrorCode.SCEC_INVALID_ACTION,
                "failed account authentication with error",
                [address, value_wire.error(error.error)],
            ) from error
        self._consume_nonce(tree.address, signed)

    def _check_signature(self, tree: AuthTree, payload: bytes, signature: xdr.SCVal) -> None:
        if tree.address.startswith("C"):
            contexts = scval.to_vec(_contexts(tree.root))
            args = (value_wire.binary(payload), encode_value(signature), encode_value(contexts))
            self._host.check_custom_account(tree.address, args)
            return
        try:
            given = given_signatures(signature)
            account = self._signing_account(tree.address)
            check_account_signatures(account, payload, given, self._host.budget)
        except SignatureError as refusal:
            if not refusal.message:
                raise HostError(refusal.error) from refusal
            values = list(map(encode_value, refusal.values))
            raise self._host.error(refusal.error, refusal.message, values) from refusal

    def _signing_account(self, address: str) -> xdr.AccountEntry:
        account = self._host.find_account(address)
        if account is None:
            raise self._host.fail(
                ErrorType.SCE_STORAGE,
                ErrorCode.SCEC_MISSING_VALUE,
                "account entry is missing",
                [value_wire.address(address)],
            )
        return account

    def _consume_nonce(self, address: str, signed: xdr.SorobanAddressCredentials) -> None:
        ledger = self._host.ledger
        expiration = signed.signature_expiration_ledger.uint32
        subject = value_wire.address(address)
        if ledger.sequence > expiration:
            raise self._host.fail(
                ErrorType.SCE_AUTH,
                ErrorCode.SCEC_INVALID_INPUT,
                "signature has expired",
                [subject, value_wire.uint32(ledger.sequence), value_wire.uint32(expiration)],
            )
        if expiration > ledger.max_live_until:
            raise self._host.fail(
                ErrorType.SCE_AUTH,
                ErrorCode.SCEC_INVALID_INPUT,
                "signature expiration is too late",
                [subject, value_wire.uint32(ledger.max_live_until), value_wire.uint32(expiration)],
            )
        live_until = max(expiration, ledger.new_live_until(temporary=True))
        if not self._host.put_nonce(address, signed.nonce.int64, live_until):
            raise self._host.fail(
                ErrorType.SCE_AUTH,
                ErrorCode.SCEC_EXISTING_VALUE,
                "nonce already exists for address",
                [subject],
            )


def _contexts(root: CallNode) -> list[xdr.SCVal]:
    """The tree's calls depth first, as `__check_auth` gets them."""
    contexts: list[xdr.SCVal] = []
    call = xdr.SorobanAuthorizedFunction.from_xdr_bytes(root.encoded).contract_fn
    if call is not None:
        fields = {
            "args": scval.to_vec(call.args),
            "contract": xdr.SCVal(xdr.SCValType.SCV_ADDRESS, address=call.contract_address),
            "fn_name": xdr.SCVal(xdr.SCValType.SCV_SYMBOL, sym=call.function_name),
        }
        contexts.append(scval.to_vec([scval.to_symbol("Contract"), scval.to_struct(fields)]))
    for child in root.children:
        contexts.extend(_contexts(child))
    return contexts
