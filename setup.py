"""Only what setup.cfg cannot say: the C extension."""

import os

from setuptools import Extension, setup

FLAGS = ["-std=c11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"]
if os.environ.get("KALEPOOL_WERROR") == "1":  # set by our own scripts, not for every user's compiler
    FLAGS.append("-Werror")

setup(
    ext_modules=[
        Extension(
            "miner_ext._search",
            sources=["miner_ext/src/module.c", "miner_ext/src/search.c", "miner_ext/src/keccak_portable.c"],
            depends=["miner_ext/src/search.h", "miner_ext/src/keccak.h"],
            extra_compile_args=FLAGS,
            extra_link_args=["-pthread"],
        )
    ],
)
