"""Only what setup.cfg cannot say: the C extension."""

import os

from setuptools import Extension, setup

SOURCES = "miner_ext/src"
MODULES = ("module", "search", "puzzle", "dispatch", "keccak_portable")
HEADERS = ("search", "puzzle", "kernel", "keccak")
FLAGS = ["-std=c11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"]
if os.environ.get("KALEPOOL_WERROR") == "1":  # set by our own scripts, not for every user's compiler
    FLAGS.append("-Werror")

setup(
    ext_modules=[
        Extension(
            "miner_ext._search",
            sources=[f"{SOURCES}/{name}.c" for name in MODULES],
            depends=[f"{SOURCES}/{name}.h" for name in HEADERS],
            extra_compile_args=FLAGS,
            extra_link_args=["-pthread"],
        )
    ],
)
