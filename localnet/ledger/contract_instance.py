"""A contract's instance: which code it runs, and the values that are loaded with it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.value_wire import encode_value

_INSTANCE: Final = wire.int32(xdr.SCValType.SCV_CONTRACT_INSTANCE)


class ContractInstance(NamedTuple):
    """`values` are encoded, by their encoded keys, in the order in which they are stored."""

    executable: xdr.ContractExecutable
    executable_xdr: bytes
    values: Mapping[bytes, bytes]

    @property
    def wasm_hash(self) -> bytes | None:
        """The hash of its code; None for the asset contract, which is part of the host."""
        return None if self.executable.wasm_hash is None else self.executable.wasm_hash.hash

    def with_values(self, values: Mapping[bytes, bytes]) -> "ContractInstance":
        return ContractInstance(self.executable, self.executable_xdr, values)

    def encode(self) -> bytes:
        """XDR `SCVal` of an instance that has a storage, if only an empty one."""
        values = wire.array([key + value for key, value in self.values.items()])
        return _INSTANCE + self.executable_xdr + wire.present(values)


def decode_instance(value: bytes) -> ContractInstance | None:
    """The instance in an encoded value; None for any other value."""
    if not value.startswith(_INSTANCE):
        return None
    instance = xdr.SCVal.from_xdr_bytes(value).instance
    assert instance is not None
    stored = [] if instance.storage is None else instance.storage.sc_map
    return ContractInstance(
        instance.executable,
        instance.executable.to_xdr_bytes(),
        {encode_value(entry.key): encode_value(entry.val) for entry in stored},
    )
