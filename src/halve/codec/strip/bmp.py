"""BMP has no place for metadata but behind its pixels, where only a colour profile belongs (BITMAPV5HEADER).

What its header says of the sizes of the file and of the pixels is often wrong, so the end follows from the pixels themselves.
"""

from __future__ import annotations

import struct

from halve.codec.strip.damage import damaged

_FILE_HEADER, _OS2, _INFO, _V5 = 14, 12, 40, 124
_PLAIN, _RLE8, _RLE4, _MASKS = range(4)
_EMBEDDED = b"DEBM"
_END_OF_LINE, _END, _MOVE = range(3)


def strip(data: bytes) -> bytes:
    """The file up to the end of its pixels, and of the colour profile behind them."""
    end = _end_of_pixels(data)
    profile_at, profile_end = _profile(data)
    kept = data[:end]
    if profile_end > end:
        kept += bytes(max(profile_at - end, 0)) + data[max(profile_at, end) : profile_end]
    return kept if len(kept) == len(data) else kept[:2] + len(kept).to_bytes(4, "little") + kept[6:]


def _end_of_pixels(data: bytes) -> int:
    if len(data) < _FILE_HEADER + _OS2 or len(data) < _FILE_HEADER + _number(data, 14):
        raise damaged("BMP", "it is cut short")
    size, compression = _number(data, 14), _PLAIN
    width: int
    height: int
    bits: int
    if size == _OS2:
        width, height, bits = struct.unpack_from("<HH2xH", data, 18)
    elif size < _INFO:
        return len(data)
    else:
        width, height, bits, compression = struct.unpack_from("<Ii2xHI", data, 18)
    start = _start_of_pixels(data, size, bits, compression)
    if compression in (_RLE8, _RLE4):
        return _end_of_runs(data, start, four_bits=compression == _RLE4)
    if compression not in (_PLAIN, _MASKS):
        return len(data)
    row = (width * bits + 31) // 32 * 4
    if start + row * (abs(height) - 1) + (width * bits + 7) // 8 > len(data):  # the last row may lack what fills it up
        raise damaged("BMP", "it is cut short")
    return start + row * abs(height)


def _start_of_pixels(data: bytes, size: int, bits: int, compression: int) -> int:
    """Where the header says; where it says nothing, or forgot the palette, behind all that precedes them."""
    told, behind = _number(data, 10), _FILE_HEADER + size
    if told not in (0, behind):
        return told
    if bits <= 8:
        colours = (_number(data, 46) if size >= _INFO else 0) or 1 << bits
        return behind + (3 if size == _OS2 else 4) * colours
    return behind + (12 if told == 0 and size == _INFO and compression == _MASKS else 0)


def _end_of_runs(data: bytes, start: int, *, four_bits: bool) -> int:
    """Behind the mark that ends them; without one, where the header says."""
    at = start
    while at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if count or value == _END_OF_LINE:
            continue
        if value == _END:
            return at
        length = 2 if value == _MOVE else (value + 1) // 2 if four_bits else value
        at += length + (length & 1)
    told = start + _number(data, 34)
    return told if start < told <= len(data) else len(data)


def _profile(data: bytes) -> tuple[int, int]:
    """Where the colour profile starts and ends; the name of one in another file is none."""
    if _number(data, 14) < _V5 or data[70:74] != _EMBEDDED:
        return 0, 0
    start = _FILE_HEADER + _number(data, 126)
    end = start + _number(data, 130)
    return (start, end) if end <= len(data) else (0, 0)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
