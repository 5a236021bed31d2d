"""The optional C extension; everything else about the package is in pyproject.toml.

Without a compiler the installation goes on without it, and JPEGs go through pixels (docs/requantiser.md).
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/halve/codec/native/c")
# One build serves every Python from 3.11 on; free-threaded ones have no stable ABI yet.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

FLAGS = [] if sys.platform == "win32" else ["-std=c11", "-O3", "-fvisibility=hidden"]


def build(name: str, *flags: str) -> Extension:
    return Extension(
        f"halve.codec.native.{name}",
        sources=sorted(str(path) for path in SOURCE.glob("*.c")),
        depends=sorted(str(path) for path in SOURCE.glob("*.h")),
        extra_compile_args=[*FLAGS, *flags],
        py_limited_api=STABLE,
        optional=True,
    )


builds = [build("_requantiser")]
if FLAGS and platform.machine() in ("x86_64", "AMD64"):
    builds.append(build("_requantiser_bmi2", "-mbmi2", "-mbmi", "-mpopcnt", "-DBMI2"))  # quicker, for most since 2013

setup(ext_modules=builds, options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {})
