"""The farmers' keys: made here, sealed before they are stored, opened only to sign.

Each seed is encrypted with AES-256-GCM under a data key of its own; the data
key is wrapped by a master key that the database never sees. Both ciphertexts
are bound to their farmer, so that none opens under another farmer's id. A
master key is named by a fingerprint, so that several may be in use while one
is replaced by the next (`rotate`).

Sealed form, for both: 12 bytes nonce ‖ 32 bytes ciphertext ‖ 16 bytes tag.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from stellar_sdk import Keypair
from stellar_sdk.decorated_signature import DecoratedSignature

from backend_svc.store import farmers
from backend_svc.store.database import Database
from backend_svc.store.records import SealedKey
from poolkit.startup_error import StartupError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_SECRET_MODE = 0o600
_ROTATED_AT_ONCE = 100


class CustodyError(Exception):
    """A key is missing, or its ciphertext does not open. The text never holds a secret."""


class MasterKey:
    """A key that wraps data keys. Its id is a fingerprint, fit for logs and tables."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a master key has {_KEY_BYTES} bytes, this one has {len(key)}")
        self._key = key
        self.id = hashlib.sha256(b"kalepool master key" + key).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id})"

    def wrap(self, data_key: bytes, farmer_id: str) -> bytes:
        return _seal(self._key, data_key, _bound("data key", farmer_id))

    def unwrap(self, wrapped: bytes, farmer_id: str) -> bytes:
        return _open(self._key, wrapped, _bound("data key", farmer_id))


@dataclass(frozen=True)
class NewKey:
    """A farmer's new account: its address, and its seed as it may be stored."""

    public_key: str
    sealed: SealedKey


class Custody:
    """Makes farmers' keys and signs with them.

    New seeds go under the first of the master keys; the others only open what
    they sealed before.
    """

    def __init__(self, master_keys: Sequence[MasterKey], database: Database) -> None:
        self._current = master_keys[0]
        self._by_id = {key.id: key for key in master_keys}
        self._database = database

    def __repr__(self) -> str:
        return f"Custody(current={self._current.id}, known={sorted(self._by_id)})"

    def new_key(self, farmer_id: str) -> NewKey:
        """Make an account for this farmer. Nothing is stored: the caller does, with the farmer's row."""
        keypair = Keypair.random()
        data_key = secrets.token_bytes(_KEY_BYTES)
        seed = keypair.raw_secret_key()
        return NewKey(
            public_key=keypair.public_key,
            sealed=SealedKey(
                farmer_id=farmer_id,
                master_key_id=self._current.id,
                wrapped_data_key=self._current.wrap(data_key, farmer_id),
                sealed_seed=_seal(data_key, seed, _bound("seed", farmer_id)),
            ),
        )

    async def sign(self, farmer_id: str, transaction_hash: bytes) -> DecoratedSignature:
        """Sign a transaction's hash with this farmer's key. Raises CustodyError."""
        sealed = await self._database.run(farmers.find_sealed_key, farmer_id)
        if sealed is None:
            raise CustodyError(f"farmer {farmer_id} has no key in custody")
        return self._open_key(sealed).sign_decorated(transaction_hash)

    async def require_master_keys(self) -> None:
        """At start: every master key that stored seeds are under must be at hand.

        Raises StartupError.
        """
        missing = await self._database.run(farmers.master_key_ids) - self._by_id.keys()
        if missing:
            raise StartupError(
                f"farmers' keys are under master keys {', '.join(sorted(missing))}, which are not at hand "
                f"(known: {', '.join(sorted(self._by_id))}): give the right MASTER_KEY or MASTER_KEY_FILE"
            )

    async def rotate(self) -> int:
        """Wrap every data key under the current master key; how many were under others.

        The seeds' ciphertexts stay as they are. Safe to interrupt and repeat.
        """
        moved = 0
        for old in [key for key in self._by_id.values() if key is not self._current]:
            while count := await self._database.run(self._rewrap_some, old):
                moved += count
        return moved

    def _rewrap_some(self, old: MasterKey) -> int:
        some = farmers.keys_under(old.id, _ROTATED_AT_ONCE)
        for sealed in some:
            data_key = old.unwrap(sealed.wrapped_data_key, sealed.farmer_id)
            wrapped = self._current.wrap(data_key, sealed.farmer_id)
            farmers.rewrap_key(sealed.farmer_id, self._current.id, wrapped)
        return len(some)

    def _open_key(self, sealed: SealedKey) -> Keypair:
        master_key = self._by_id.get(sealed.master_key_id)
        if master_key is None:
            raise CustodyError(
                f"master key {sealed.master_key_id} of farmer {sealed.farmer_id} is not at hand"
            )
        data_key = master_key.unwrap(sealed.wrapped_data_key, sealed.farmer_id)
        seed = _open(data_key, sealed.sealed_seed, _bound("seed", sealed.farmer_id))
        return Keypair.from_raw_ed25519_seed(seed)


def master_keys(text: str | None, file: Path | None, *, may_make: bool) -> list[MasterKey]:
    """The master keys from the settings, the current one first.

    `text` (MASTER_KEY) or the content of `file` (MASTER_KEY_FILE): base64 of 32
    bytes, several separated by commas or line breaks. If the file does not
    exist it is made, but only where `may_make` (a local network): anywhere
    else a new key would mean that the old one was lost. Raises StartupError.
    """
    if text:
        return _parse(text, "MASTER_KEY")
    if file is None:
        raise StartupError("set MASTER_KEY or MASTER_KEY_FILE: farmers' keys are never stored in the clear")
    if not file.exists():
        if not may_make:
            raise StartupError(f"MASTER_KEY_FILE {file} does not exist (it is made only on a local network)")
        try:
            _make_file(file)
        except OSError as error:
            raise StartupError(f"MASTER_KEY_FILE {file} can't be made: {error.strerror}") from error
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & ~_SECRET_MODE:
        raise StartupError(f"MASTER_KEY_FILE {file} has mode {mode:04o}, must be {_SECRET_MODE:04o} or less")
    return _parse(_read(file), f"MASTER_KEY_FILE {file}")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        # Not the decoder's own words: they could quote the key.
        raise StartupError(f"MASTER_KEY_FILE {file} can't be read ({type(error).__name__})") from None


def _parse(text: str, origin: str) -> list[MasterKey]:
    parts = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    try:
        keys = [MasterKey(base64.b64decode(part, validate=True)) for part in parts]
    except (binascii.Error, ValueError):
        # Not the decoder's own words: they could quote the key.
        keys = []
    if not keys:
        raise StartupError(f"{origin} must hold base64 of {_KEY_BYTES} bytes")
    return keys


def _make_file(file: Path) -> None:
    """Made with its mode and whole: of two Backends that start at once, one makes it and both read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
    with os.fdopen(descriptor, "wb") as output:
        output.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
        output.flush()
        os.fsync(output.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _bound(what: str, farmer_id: str) -> bytes:
    return f"kalepool {what} of farmer {farmer_id}".encode()


def _seal(key: bytes, secret: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, bound_to)


def _open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise CustodyError(
            f"{bound_to.decode()} does not open: wrong master key, or it was altered"
        ) from None
