"""Only what setup.cfg cannot say: the C extension."""

import os
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

SOURCES = Path("miner_ext/src")
FLAGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"]
if os.environ.get("KALEPOOL_WERROR") == "1":  # set by our own scripts, not for every user's compiler
    FLAGS.append("-Werror")

# One build for Python 3.11 and all that follow, but not for those without a GIL: they have no stable ABI.
STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "miner_ext._search",
            # Sources choose instruction sets by attributes, never by a flag here: a build runs anywhere.
            sources=sorted(map(str, SOURCES.glob("*.c"))),
            depends=sorted(map(str, SOURCES.glob("*.h"))),
            extra_compile_args=FLAGS,
            extra_link_args=["-pthread"],
            py_limited_api=STABLE_ABI,
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE_ABI else [],
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
