"""Which hasher the settings ask for: our own process, or a program of somebody else's."""

import os
from collections.abc import Mapping

from pooler_svc.hashers import CommandHasher, Hasher, ProcessHasher
from pooler_svc.hashers.command_lines import split_command
from pooler_svc.settings import PoolerSettings
from poolkit.redaction import redact


def choose_hasher(settings: PoolerSettings) -> Hasher:
    """The hasher, not yet started."""
    if settings.hasher_command is None:
        return ProcessHasher(
            threads=settings.hasher_threads,
            cpus=settings.hasher_cpus,
            niceness=settings.hasher_nice,
            isa=settings.kale_miner_isa,
        )
    return CommandHasher(
        split_command(settings.hasher_command),
        settings.hasher_command_style,
        nonce_count=settings.hasher_command_nonces,
        run_wall_seconds=settings.hasher_command_wall_seconds,
        environment=environment_for_others(os.environ),
    )


def environment_for_others(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without our settings and without whatever looks like a secret: nothing for others."""
    ours = {name.upper() for name in PoolerSettings.model_fields}
    return {
        key: value
        for key, value in environment.items()
        if key.upper() not in ours and redact(value, key) == value
    }
