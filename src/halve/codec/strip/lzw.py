"""How many pixels are in a GIF's codes (GIF89a, appendix F): their strings are never made, only how long they are."""

from __future__ import annotations

_MOST_CODES = 4096


def holds(pixels: int, least_bits: int, data: bytes) -> bool:
    """Whether `data` has codes for so many pixels, none of them impossible. What follows them does not matter."""
    if not 1 <= least_bits <= 11:
        return False
    clear = 1 << least_bits
    fresh = [1] * clear + [0, 0]  # a code of its own for each colour, then two that are no colours
    lengths, bits = fresh.copy(), least_bits + 1
    window = held = last = 0
    for byte in data:
        window |= byte << held
        held += 8
        while held >= bits:
            code = window & (1 << bits) - 1
            window >>= bits
            held -= bits
            if code == clear:
                lengths, bits, last = fresh.copy(), least_bits + 1, 0
                continue
            known = len(lengths)
            if code == clear + 1 or code > known or (code == known and not last):
                return pixels <= 0
            length = lengths[code] if code < known else last + 1
            if last and known < _MOST_CODES:
                lengths.append(last + 1)
                if known + 1 == 1 << bits and bits < 12:
                    bits += 1
            last = length
            pixels -= length
            if pixels <= 0:
                return True
    return pixels <= 0
