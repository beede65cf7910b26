"""The few lines with which a service says what it is and where it can be reached."""

from collections.abc import Mapping

from poolkit.redaction import redact_text
from poolkit.version import VERSION


def banner(service: str, facts: Mapping[str, str]) -> str:
    """Name and version, then one aligned line a fact (addresses, network, endpoints); no secrets."""
    width = max((len(name) for name in facts), default=0)
    lines = [f"KALE pool {service} {VERSION}"]
    lines += [f"  {name:<{width}}  {redact_text(value)}" for name, value in facts.items()]
    return "\n".join(lines)
