"""The optional C extension; everything else about the package is in pyproject.toml.

Without a compiler the installation goes on without it, and JPEGs go through pixels (docs/requantiser.md).
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/halve/codec/native/c")
# One build serves every Python from 3.11 on; free-threaded ones have no stable ABI yet.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "halve.codec.native._requantiser",
            sources=sorted(str(path) for path in SOURCE.glob("*.c")),
            depends=sorted(str(path) for path in SOURCE.glob("*.h")),
            extra_compile_args=[] if sys.platform == "win32" else ["-std=c11", "-O3", "-fvisibility=hidden"],
            py_limited_api=STABLE,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
