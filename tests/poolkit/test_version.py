"""One version, in the package and in its metadata; shown by the banner."""

from configparser import ConfigParser
from pathlib import Path

from poolkit.banner import banner
from poolkit.version import VERSION


def test_the_version_is_the_one_of_the_package_metadata() -> None:
    metadata = ConfigParser()
    metadata.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    assert metadata["metadata"]["version"] == VERSION


def test_the_banner_names_version_and_addresses_and_no_password() -> None:
    text = banner("Backend", {"gRPC": "127.0.0.1:3000", "database": "postgresql://pool:hunter2@db/kale"})
    assert text.splitlines() == [
        f"KALE pool Backend {VERSION}",
        "  gRPC      127.0.0.1:3000",
        "  database  postgresql://pool:[redacted]@db/kale",
    ]
