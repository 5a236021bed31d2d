"""Everything that fuzzing ever found to reach another part of the code, tried again (`fuzz/run pack` keeps it)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from halve.codec import native

CORPUS = Path(__file__).parents[3] / "fuzz/corpus.tar.xz"


def found() -> Iterator[tuple[str, bytes]]:
    with tarfile.open(CORPUS) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def test_whatever_is_accepted_gives_a_whole_picture_that_means_the_same_again() -> None:
    accepted = refused = 0
    for name, data in found():
        for quality in (10, 50):
            answer = native.requantise(data, quality=quality, max_pixels=1 << 20)
            if answer is None:
                refused += 1
                continue
            accepted += 1
            with Image.open(io.BytesIO(answer.data)) as image:
                image.load()  # raises where anything is missing
            again = native.requantise(answer.data, quality=100)
            assert again is not None, name
            assert again.data == answer.data, name
    assert accepted > 100
    assert refused > 100
