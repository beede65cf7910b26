"""Secrets on disk: readable by their owner alone from the first byte on."""

import os
from pathlib import Path


def write_secret(path: Path, secret: str) -> None:
    """Write one secret to a new file of mode 0600; FileExistsError if there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
