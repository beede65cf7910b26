"""What a contract can do: the port between the contracts and the host."""

from collections.abc import Callable, Sequence
from typing import Protocol

from stellar_sdk import xdr

from localnet.soroban.cost_table import FunctionCosts
from localnet.soroban.errors import HostError
from localnet.soroban.invocation import LedgerInfo


class ContractEnv(Protocol):
    """The host as one running contract call sees it.

    Values are encoded SCVals. Keys are values of the contract's own storage unless said
    otherwise. Methods raise HostError for what ends the call; `refuse`, `trap` and the likes
    log an error and return the HostError for the contract to raise.
    """

    @property
    def contract_id(self) -> str:
        """The running contract's own address."""

    @property
    def ledger(self) -> LedgerInfo:
        """The ledger in which it runs."""

    def instance_value(self, name: str) -> bytes | None:
        """A value of the instance storage, which is loaded with the contract: that of `Vec[Symbol(name)]`."""

    def instance_symbol(self, name: str) -> bytes | None:
        """The same for contracts that use bare symbols as keys: that of `Symbol(name)`."""

    def required_instance_value(self, name: str) -> bytes:
        """The same; a missing one ends the call with the host's error."""

    def set_instance_value(self, name: str, value: bytes) -> None:
        """Changes it; written back when the call succeeds."""

    def extend_instance(self, threshold: int, extend_to: int) -> None:
        """Lets instance and code live `extend_to` ledgers more if at most `threshold` are left."""

    def data(self, key: bytes, durability: xdr.ContractDataDurability) -> bytes | None:
        """A value of the contract's own data entries; None if absent or expired."""

    def put_data(self, key: bytes, durability: xdr.ContractDataDurability, value: bytes) -> None: ...

    def delete_data(self, key: bytes, durability: xdr.ContractDataDurability) -> None: ...

    def extend_data(
        self, key: bytes, durability: xdr.ContractDataDurability, threshold: int, extend_to: int
    ) -> None: ...

    def classic_entry(self, key: bytes) -> xdr.LedgerEntryData | None:
        """An account or trustline by its LedgerKey (XDR). Only the asset contract looks at those."""

    def put_classic_entry(self, key: bytes, data: xdr.LedgerEntryData) -> None: ...

    def require_auth(self, address: str) -> None:
        """`address` must have authorised this call, or be the contract that made it."""

    def call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """Calls another contract; its error ends this call too."""

    def try_call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """Calls another contract; an error is the value, and what it did is taken back."""

    def publish(self, topics: Sequence[bytes], data: bytes) -> None:
        """Emits a contract event."""

    def refuse(self, code: int, message: str = "", args: Sequence[bytes] = ()) -> HostError:
        """The contract's own error number."""

    def storage_error(self, code: xdr.SCErrorCode, message: str, args: Sequence[bytes] = ()) -> HostError:
        """An entry that is not as it must be, by the host's own word."""

    def wrong_type(self) -> HostError:
        """An argument that is not of the function's type."""

    def wrong_count(self) -> HostError:
        """More or fewer arguments than the function has."""

    def missing_function(self) -> HostError:
        """The contract has no such function."""

    def trap(self) -> HostError:
        """The contract's code panicked, as on an arithmetic overflow."""


class Program(Protocol):
    """The code of a contract."""

    @property
    def runs_in_vm(self) -> bool:
        """True for what is Wasm on the chain; the asset contract is part of the host."""

    @property
    def costs(self) -> FunctionCosts:
        """Instructions that each function takes beside the host's own."""

    def call(self, env: ContractEnv, function: str, args: Sequence[bytes]) -> bytes:
        """Runs one function."""


ProgramFinder = Callable[[xdr.ContractExecutable], Program | None]
"""The program of a contract's executable; None for code that nobody knows."""
