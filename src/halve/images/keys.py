"""What may be a key: `folder/name` or `name`, of letters, digits and `-_.`, none beginning with a dot. No way up or elsewhere."""

from __future__ import annotations

import re

from halve.core.errors import NotFound

_NAME = re.compile(r"(?!\.)[\w.-]+")

LONGEST_NAME = 255
"""Bytes of UTF-8 that a folder's or a thing's name may have."""


def possible_key(key: str) -> bool:
    names = key.split("/")
    return len(names) <= 2 and all(possible_name(name) for name in names)


def possible_name(name: str) -> bool:
    try:
        return _NAME.fullmatch(name) is not None and len(name.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def checked_key(key: str) -> str:
    """The key; ValueError if it cannot be one."""
    if not possible_key(key):
        raise ValueError(f"not a key, which is `folder/name` or `name` of letters, digits and -_. : {key!r}")
    return key


def checked_folder(folder: str) -> str:
    """The folder; ValueError if it cannot be one."""
    if not possible_name(folder):
        raise ValueError(f"not the name of a folder: {folder!r}")
    return folder


def nothing_under(key: str) -> NotFound:
    return NotFound(f"Nothing is stored under {key!r}.")


def checked_range(start: int, length: int | None) -> None:
    """ValueError for what is not a part of anything."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError("start and length cannot be negative")
