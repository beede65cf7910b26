"""XDR objects of the SDK read faster than the SDK reads them, for what contract calls are made of.

Values, addresses and ledger keys are read here, in less than half of the time; what is not known here is left
to the SDK. Both give equal objects. What is no encoding raises one of WIRE_ERRORS: as a node's XDR library
does, and unlike the SDK, this refuses padding that is not zero, and flags that are neither 0 nor 1.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final, Protocol, Self, TypeVar

from stellar_sdk import xdr
from xdrlib3 import Error as XdrError
from xdrlib3 import Unpacker

from localnet.ledger.accounts import account_id

#: How deep structures may be nested: 99 vectors in each other. A node reads some 750, of which its host takes
#: no more than 100.
MAX_DEPTH: Final = 200
#: What reading bytes that are no encoding can raise, here or in the SDK.
WIRE_ERRORS: Final = (ValueError, EOFError, XdrError, struct.error)

_KIND: Final = xdr.SCValType
_INT32: Final = Struct(">i")
_UINT32: Final = Struct(">I")
_INT64: Final = Struct(">q")
_UINT64: Final = Struct(">Q")

_DURABILITIES: Final = {int(durability): durability for durability in xdr.ContractDataDurability}
_ADDRESS_OF_ACCOUNT: Final = xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT
_ADDRESS_OF_CONTRACT: Final = xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT
_ED25519: Final = xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519
_ACCOUNT_KEY: Final = xdr.CryptoKeyType.KEY_TYPE_ED25519
_CONTRACT_DATA: Final = xdr.LedgerEntryType.CONTRACT_DATA
_TRUSTLINE: Final = xdr.LedgerEntryType.TRUSTLINE
_ALPHANUM4: Final = xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM4


class _Structure(Protocol):
    """One of the SDK's XDR classes."""

    @classmethod
    def unpack(cls, unpacker: Unpacker, depth_limit: int) -> Self: ...

    def to_xdr_bytes(self) -> bytes: ...


_T = TypeVar("_T")
_S = TypeVar("_S", bound=_Structure)


class WireReader:
    """Reads one encoded structure after the other. `depth` is what the SDK calls the depth limit."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.position = 0

    def __repr__(self) -> str:
        return f"WireReader({self.position} of {len(self.raw)} bytes)"

    def int32(self) -> int:
        position = self.position
        self.position = position + 4
        number: int = _INT32.unpack_from(self.raw, position)[0]
        return number

    def uint32(self) -> int:
        position = self.position
        self.position = position + 4
        number: int = _UINT32.unpack_from(self.raw, position)[0]
        return number

    def int64(self) -> int:
        position = self.position
        self.position = position + 8
        number: int = _INT64.unpack_from(self.raw, position)[0]
        return number

    def uint64(self) -> int:
        position = self.position
        self.position = position + 8
        number: int = _UINT64.unpack_from(self.raw, position)[0]
        return number

    def flag(self) -> bool:
        """Whether something optional is there; also a bool."""
        number = self.uint32()
        if number > 1:
            raise ValueError(f"flag is {number}, not 0 or 1")
        return number == 1

    def opaque(self) -> bytes:
        size = self.uint32()
        start = self.position
        self.position = start + size + -size % 4
        if self.position > len(self.raw):
            raise EOFError(f"{size} bytes wanted, {len(self.raw) - start} are left")
        if size % 4 and any(self.raw[start + size : self.position]):
            raise ValueError("non-zero padding")
        return self.raw[start : start + size]

    def next_is(self, discriminant: int) -> bool:
        """Whether a union has this arm; if so, its content is next."""
        start = self.position
        if self.int32() == discriminant:
            return True
        self.position = start
        return False

    @staticmethod
    def check_depth(depth: int) -> None:
        """Raises ValueError for what is nested too deep."""
        if depth <= 0:
            raise ValueError("Maximum decoding depth reached")

    def by_sdk(self, structure: type[_S], depth: int = MAX_DEPTH) -> _S:
        """Any structure, by the SDK's own class."""
        start = self.position
        unpacker = _StrictUnpacker(self.raw)
        unpacker.set_position(start)
        read = structure.unpack(unpacker, depth)
        self.position = unpacker.get_position()
        if structure in _WITH_FLAGS and read.to_xdr_bytes() != self.raw[start : self.position]:
            raise ValueError("a flag is neither 0 nor 1")
        return read

    def array(self, read: Callable[["WireReader", int], _T], depth: int) -> list[_T]:
        """A variable array; `depth` is that of its items."""
        return [read(self, depth) for _ in range(self._length())]

    def value(self, depth: int = MAX_DEPTH) -> xdr.SCVal:
        self.check_depth(depth)
        start = self.position
        known = _VALUES.get(self.int32())
        if known is None:
            self.position = start
            return self.by_sdk(xdr.SCVal, depth)
        kind, read = known
        return read(self, kind, depth - 1)

    def address(self, depth: int) -> xdr.SCAddress:
        self.check_depth(depth)
        start = self.position
        kind = self.int32()
        if kind == _ADDRESS_OF_CONTRACT:
            return _contract_address(self._bytes(32))
        if kind == _ADDRESS_OF_ACCOUNT and self.int32() == _ED25519:
            return _account_address(self._bytes(32))
        self.position = start
        return self.by_sdk(xdr.SCAddress, depth)

    def muxed_account(self, depth: int) -> xdr.MuxedAccount:
        if not self.next_is(_ACCOUNT_KEY):
            return self.by_sdk(xdr.MuxedAccount, depth)
        return xdr.MuxedAccount(_ACCOUNT_KEY, ed25519=xdr.Uint256(self._bytes(32)))

    def preconditions(self, depth: int) -> xdr.Preconditions:
        if self.next_is(xdr.PreconditionType.PRECOND_NONE):
            return _NO_PRECONDITIONS
        if not self.next_is(xdr.PreconditionType.PRECOND_TIME):
            return self.by_sdk(xdr.Preconditions, depth)
        earliest, latest = (xdr.TimePoint(xdr.Uint64(self.uint64())) for _ in range(2))
        return xdr.Preconditions(
            xdr.PreconditionType.PRECOND_TIME, time_bounds=xdr.TimeBounds(earliest, latest)
        )

    def memo(self, depth: int) -> xdr.Memo:
        return _NO_MEMO if self.next_is(xdr.MemoType.MEMO_NONE) else self.by_sdk(xdr.Memo, depth)

    def signature(self) -> xdr.DecoratedSignature:
        hint = xdr.SignatureHint(self._bytes(4))
        return xdr.DecoratedSignature(hint, xdr.Signature(self.opaque()))

    def credentials(self, depth: int) -> xdr.SorobanCredentials:
        if self.next_is(_BY_SOURCE.type):
            return _BY_SOURCE
        return self.by_sdk(xdr.SorobanCredentials, depth)

    def ledger_key(self, depth: int) -> xdr.LedgerKey:
        self.check_depth(depth)
        if not self.next_is(_CONTRACT_DATA):
            return self._classic_key() or self.by_sdk(xdr.LedgerKey, depth)
        contract = self.address(depth - 2)
        key = self.value(depth - 2)
        durability = _DURABILITIES.get(self.int32())
        if durability is None:
            raise ValueError("unknown durability")
        return xdr.LedgerKey(
            _CONTRACT_DATA,
            contract_data=xdr.LedgerKeyContractData(contract=contract, key=key, durability=durability),
        )

    def _classic_key(self) -> xdr.LedgerKey | None:
        """The key of a trustline for an asset of up to four letters; None for anything else."""
        start = self.position
        if self.int32() == _TRUSTLINE and self.int32() == _ED25519:
            holder = account_id(self._bytes(32))
            if self.int32() == _ALPHANUM4:
                code = xdr.AssetCode4(self._bytes(4))
                if self.int32() == _ED25519:
                    asset = xdr.TrustLineAsset(
                        _ALPHANUM4, alpha_num4=xdr.AlphaNum4(code, account_id(self._bytes(32)))
                    )
                    return xdr.LedgerKey(_TRUSTLINE, trust_line=xdr.LedgerKeyTrustLine(holder, asset))
        self.position = start
        return None

    def _bytes(self, size: int) -> bytes:
        start = self.position
        self.position = start + size
        if self.position > len(self.raw):
            raise EOFError(f"{size} bytes wanted, {len(self.raw) - start} are left")
        return self.raw[start : self.position]

    def _length(self) -> int:
        length, left = self.uint32(), len(self.raw) - self.position
        if length > left:
            raise ValueError(f"array of {length}, only {left} bytes are left")
        return length


class _StrictUnpacker(Unpacker):
    """The SDK's unpacker does not look at padding."""

    def unpack_fopaque(self, n: int) -> bytes:
        content = super().unpack_fopaque(n)
        if n % 4 and any(self.get_buffer()[self.get_position() - (-n % 4) : self.get_position()]):
            raise ValueError("non-zero padding")
        return content


#: What can have optional parts and bools, of which the SDK takes any number but 0 for 1.
_WITH_FLAGS: Final[frozenset[type[_Structure]]] = frozenset(
    {
        xdr.SCVal,
        xdr.Preconditions,
        xdr.OperationBody,
        xdr.HostFunction,
        xdr.SorobanCredentials,
        xdr.SorobanAuthorizedFunction,
    }
)


# Shared by all that have them, and like the addresses below not to be changed.
_NO_PRECONDITIONS: Final = xdr.Preconditions(xdr.PreconditionType.PRECOND_NONE)
_NO_MEMO: Final = xdr.Memo(xdr.MemoType.MEMO_NONE)
_BY_SOURCE: Final = xdr.SorobanCredentials(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


@lru_cache(maxsize=4_096)
def _contract_address(contract_hash: bytes) -> xdr.SCAddress:
    """Shared, as all addresses are: not to be changed."""
    return xdr.SCAddress(_ADDRESS_OF_CONTRACT, contract_id=xdr.ContractID(xdr.Hash(contract_hash)))


@lru_cache(maxsize=4_096)
def _account_address(key: bytes) -> xdr.SCAddress:
    return xdr.SCAddress(
        _ADDRESS_OF_ACCOUNT,
        account_id=xdr.AccountID(xdr.PublicKey(_ED25519, ed25519=xdr.Uint256(key))),
    )


def _void(_: WireReader, kind: xdr.SCValType, __: int) -> xdr.SCVal:
    return xdr.SCVal(kind)


def _uint32(reader: WireReader, kind: xdr.SCValType, _: int) -> xdr.SCVal:
    return xdr.SCVal(kind, u32=xdr.Uint32(reader.uint32()))


def _uint64(reader: WireReader, kind: xdr.SCValType, _: int) -> xdr.SCVal:
    return xdr.SCVal(kind, u64=xdr.Uint64(reader.uint64()))


def _int128(reader: WireReader, kind: xdr.SCValType, _: int) -> xdr.SCVal:
    high, low = xdr.Int64(reader.int64()), xdr.Uint64(reader.uint64())
    return xdr.SCVal(kind, i128=xdr.Int128Parts(hi=high, lo=low))


def _bytes(reader: WireReader, kind: xdr.SCValType, _: int) -> xdr.SCVal:
    return xdr.SCVal(kind, bytes=xdr.SCBytes(reader.opaque()))


def _symbol(reader: WireReader, kind: xdr.SCValType, _: int) -> xdr.SCVal:
    return xdr.SCVal(kind, sym=xdr.SCSymbol(reader.opaque()))


def _address(reader: WireReader, kind: xdr.SCValType, depth: int) -> xdr.SCVal:
    return xdr.SCVal(kind, address=reader.address(depth))


def _vec(reader: WireReader, kind: xdr.SCValType, depth: int) -> xdr.SCVal:
    if not reader.flag():
        return xdr.SCVal(kind)
    reader.check_depth(depth)
    return xdr.SCVal(kind, vec=xdr.SCVec(reader.array(WireReader.value, depth - 1)))


_KNOWN: Final[dict[xdr.SCValType, Callable[[WireReader, xdr.SCValType, int], xdr.SCVal]]] = {
    _KIND.SCV_VOID: _void,
    _KIND.SCV_U32: _uint32,
    _KIND.SCV_U64: _uint64,
    _KIND.SCV_I128: _int128,
    _KIND.SCV_BYTES: _bytes,
    _KIND.SCV_SYMBOL: _symbol,
    _KIND.SCV_ADDRESS: _address,
    _KIND.SCV_VEC: _vec,
    _KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE: _void,
}
# By the number of the kind: an enum's own hash is slow, and this is asked for every value.
_VALUES: Final = {int(kind): (kind, read) for kind, read in _KNOWN.items()}
