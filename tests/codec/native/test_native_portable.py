"""However the extension is built, it gives the same bytes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from halve.codec import native
from tests.support.jpeg_forms import Form, jpeg, progressive_script
from tests.support.photos import photo
from tests.support.requantising import SAMPLINGS, small_picture

SOURCE = Path(native.__file__).with_name("c")


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Any:
    compiler = shutil.which("cc")
    if compiler is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("no C compiler, or none of Python's headers")
    built = tmp_path_factory.mktemp("portable") / "_requantiser.so"
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-std=c11",
        "-O1",
        "-U__SSE2__",
        f"-I{sysconfig.get_path('include')}",
        "-o",
        str(built),
    ]
    subprocess.run([*command, *map(str, sorted(SOURCE.glob("*.c")))], check=True)
    spec = importlib.util.spec_from_file_location("_requantiser", built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sources() -> list[bytes]:
    small = [small_picture(sampling, width=45, height=37) for sampling in SAMPLINGS]
    progressive = Form(progressive=True, scans=progressive_script(3))
    return [
        *(jpeg(picture) for picture in small),
        *(jpeg(picture, progressive) for picture in small if len(picture.components) == 3),
        *(photo("coffee", quality=92, subsampling=sampling) for sampling in (0, 1, 2)),
    ]


def assert_same(one: Any, other: Any, data: bytes, quality: int) -> None:
    for max_bytes in (0, len(data) * 2 // 3):
        answers = [module.requantise(data, quality, max_bytes, native.MAX_PIXELS, 1, False, False) for module in (one, other)]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("quality", [20, 50, 85, 95])
def test_without_sse2_the_bytes_are_the_same(portable: Any, quality: int) -> None:
    for data in sources():
        assert_same(portable, native._build, data, quality)


@pytest.mark.parametrize("quality", [20, 50, 85, 95])
def test_every_build_gives_the_same_bytes(quality: int) -> None:
    builds = []
    for build in native.BUILDS:
        with contextlib.suppress(ImportError):
            builds.append(importlib.import_module(f"halve.codec.native.{build}"))

    assert builds[0] is native._build
    assert builds[-1].__name__.endswith("_requantiser")
    for data in sources():
        assert_same(builds[0], builds[-1], data, quality)
