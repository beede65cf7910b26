"""Which hasher the settings ask for: our own process, or a program of somebody else's."""

import os
from collections.abc import Mapping
from typing import Final

from pooler_svc.hashers import CommandHasher, Hasher, ProcessHasher
from pooler_svc.hashers.command_lines import split_command
from pooler_svc.settings import PoolerSettings

# What a program needs of the session it runs in.
_NAMES_FOR_OTHERS: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_RUNTIME_DIR"),
        # Our own search as the external program reads it.
        "KALE_MINER_ISA",
    }
)
# The language, and what the libraries of GPUs read: CUDA, ROCm, OpenCL, Level Zero.
_PREFIXES_FOR_OTHERS: Final = (
    *("LC_", "CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCM_", "ROCR_", "GPU_", "OCL_", "OPENCL_"),
    *("ZE_", "SYCL_"),
)


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
    """What somebody else's program gets of the environment: the names listed above, and nothing else.

    A secret can have any name, so what may be handed on is listed, not what may not.
    """
    return {
        key: value
        for key, value in environment.items()
        if key in _NAMES_FOR_OTHERS or key.startswith(_PREFIXES_FOR_OTHERS)
    }
