"""How like its original a picture looks: SSIMULACRA2, which several parts tell. Comes with the group `bench`."""

from __future__ import annotations

import importlib
import importlib.util
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image


def available() -> bool:
    return importlib.util.find_spec("ssimulacra2") is not None


def score(original: bytes, result: bytes) -> float:
    """100 for the same picture; 90 cannot be told apart."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "original.png"), Path(folder, "result.png")
        for path, data in zip(paths, (original, result), strict=True):
            with Image.open(io.BytesIO(data)) as image:
                image.convert("RGB").save(path, compress_level=0)
        return of_files(*paths)


def of_files(original: Path, result: Path) -> float:
    measure: Callable[[str, str], float] = importlib.import_module("ssimulacra2").compute_ssimulacra2
    return measure(str(original), str(result))
