"""The first admin key: made when there is none, and left in a file that only its owner can read."""

import os
from pathlib import Path

from backend_svc.api_keys import api_key_hash, new_api_key
from backend_svc.store import api_keys
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.records import KeyKind
from poolkit.startup_error import StartupError

_SECRET_MODE = 0o600
# Of two Backends that start at once only one makes the key.
_LOCK = 0x41444D49


async def ensure_admin_key(database: Database, file: Path, *, key_length: int) -> Path | None:
    """Make the admin key if no valid one exists; the file it is in, None if one existed.

    The file is written before the key becomes valid: a crash in between leaves
    a file with a void key, and the next start replaces it. Raises StartupError.
    """
    return await database.run(_make_if_missing, file, key_length)


def _make_if_missing(file: Path, key_length: int) -> Path | None:
    in_transaction().execute_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if api_keys.has_admin_key():
        return None
    key = new_api_key(key_length)
    _write(file, key)
    api_keys.add_api_key(KeyKind.ADMIN, api_key_hash(key), label="made at the first start")
    return file


def _write(file: Path, key: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A leftover may have been made readable by others: a new file has the right mode from the start.
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
        with os.fdopen(descriptor, "w") as output:
            output.write(f"{key}\n")
    except OSError as error:
        raise StartupError(
            f"can not write the admin key to ADMIN_KEY_FILE {file} ({error.strerror})"
        ) from error
