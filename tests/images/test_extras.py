"""A store whose library is not installed says which extra brings it."""

from __future__ import annotations

import sys

import pytest

from halve.backends import IMAGE_SCHEMES, open_images
from halve.core.errors import ExtraMissing
from halve.settings import read_settings

LIBRARIES = {"s3": "obstore", "gcs": "obstore", "azure": "obstore", "mongo": "pymongo", "cloudinary": "cloudinary"}


@pytest.mark.parametrize(("scheme", "entry"), [(scheme, entry) for scheme, entry in IMAGE_SCHEMES.items() if entry[2]])
def test_a_library_that_is_missing_is_told_with_the_extra_that_brings_it(
    scheme: str, entry: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, extra = entry
    for name in [name for name in sys.modules if name.startswith("halve.images.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, LIBRARIES[extra], None)
    for name in [name for name in sys.modules if name.startswith(f"{LIBRARIES[extra]}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExtraMissing, match=rf"pip install 'halve\[{extra}\]'"):
        open_images(read_settings(storage_url=f"{scheme}://somewhere/x"))
    assert module not in sys.modules
