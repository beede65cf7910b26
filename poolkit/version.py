"""The version of this package; `setup.cfg` carries the same (a test compares them)."""

from typing import Final

VERSION: Final = "0.1.0"
