"""A slow, plain reader of Huffman-coded JPEG coefficients, to check a fast one by. Bit by bit from the text of ITU-T T.81.

It trusts its input: a file that breaks the rules raises whatever it raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.support.jpeg_forms import Component, Picture


@dataclass(frozen=True)
class File:
    """`segments` as (marker, payload), in order, SOS among them with its header alone."""

    picture: Picture
    segments: tuple[tuple[int, bytes], ...]

    def payloads(self, marker: int) -> list[bytes]:
        return [payload for number, payload in self.segments if number == marker]


class _Code:
    """C.2 and F.2.2.3: codes as strings of bits."""

    def __init__(self, lengths: bytes, symbols: bytes) -> None:
        self.symbols: dict[tuple[int, int], int] = {}
        code, position = 0, 0
        for length, count in enumerate(lengths, 1):
            for _ in range(count):
                self.symbols[length, code] = symbols[position]
                code += 1
                position += 1
            code <<= 1


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.bits = (int(bit) for byte in data for bit in f"{byte:08b}")

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | next(self.bits)
        return value

    def symbol(self, code: _Code) -> int:
        value = 0
        for length in range(1, 17):
            value = value << 1 | next(self.bits)
            if (length, value) in code.symbols:
                return code.symbols[length, value]
        raise ValueError("no such code")

    def number(self, size: int) -> int:
        """Figure F.12."""
        value = self.take(size)
        return value if size == 0 or value >> (size - 1) else value - (1 << size) + 1


class _State:
    def __init__(self) -> None:
        self.steps: dict[int, tuple[int, ...]] = {}
        self.codes: dict[tuple[int, int], _Code] = {}
        self.restart = 0
        self.progressive = False
        self.width = self.height = 0
        self.frame: list[tuple[int, int, int, int]] = []  # id, h, v, table
        self.blocks: list[list[list[list[int]]]] = []  # component, row, column, coefficient; whole MCUs
        self.component_steps: list[tuple[int, ...] | None] = []

    def sizes(self, index: int) -> tuple[int, int]:
        """Rows and columns of blocks that carry picture."""
        h_max, v_max = max(f[1] for f in self.frame), max(f[2] for f in self.frame)
        _, h, v, _ = self.frame[index]
        return math.ceil(math.ceil(self.height * v / v_max) / 8), math.ceil(math.ceil(self.width * h / h_max) / 8)


def read(data: bytes) -> File:
    """The coefficients of a file, and its segments."""
    state, segments, at = _State(), [], 2
    while True:
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        payload = data[at + 4 : at + 2 + length]
        segments.append((marker, payload))
        at += 2 + length
        if marker == 0xDA:
            intervals, at = _entropy_coded(data, at)
            _read_scan(state, payload, intervals)
        else:
            _read_segment(state, marker, payload)
    components = []
    for index, (id, h, v, _) in enumerate(state.frame):
        rows, columns = state.sizes(index)
        steps = state.component_steps[index]
        assert steps is not None
        components.append(Component(id, h, v, steps, np.asarray(state.blocks[index], dtype=np.int64)[:rows, :columns]))
    return File(Picture(state.width, state.height, tuple(components)), tuple(segments))


def _read_segment(state: _State, marker: int, payload: bytes) -> None:
    if marker == 0xDB:
        while payload:
            wide, table = payload[0] >> 4, payload[0] & 15
            size = 128 if wide else 64
            body = payload[1 : 1 + size]
            state.steps[table] = tuple(body[0::2][i] << 8 | body[1::2][i] for i in range(64)) if wide else tuple(body)
            payload = payload[1 + size :]
    elif marker == 0xC4:
        while payload:
            count = sum(payload[1:17])
            state.codes[payload[0] >> 4, payload[0] & 15] = _Code(payload[1:17], payload[17 : 17 + count])
            payload = payload[17 + count :]
    elif marker == 0xDD:
        state.restart = int.from_bytes(payload, "big")
    elif marker in (0xC0, 0xC1, 0xC2):
        state.progressive = marker == 0xC2
        state.height, state.width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
        state.frame = [(e[0], e[1] >> 4, e[1] & 15, e[2]) for e in (payload[6 + 3 * i : 9 + 3 * i] for i in range(payload[5]))]
        if len(state.frame) == 1:
            state.frame = [(state.frame[0][0], 1, 1, state.frame[0][3])]
        h_max, v_max = max(f[1] for f in state.frame), max(f[2] for f in state.frame)
        for _, h, v, _ in state.frame:
            rows, columns = math.ceil(state.height / 8 / v_max) * v, math.ceil(state.width / 8 / h_max) * h
            state.blocks.append([[[0] * 64 for _ in range(columns)] for _ in range(rows)])
            state.component_steps.append(None)


def _entropy_coded(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The intervals between restart markers, stuffing undone, and where the next marker is."""
    intervals, current = [], bytearray()
    while True:
        if data[at] != 0xFF:
            current.append(data[at])
            at += 1
        elif data[at + 1] == 0:
            current.append(0xFF)
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        elif 0xD0 <= data[at + 1] <= 0xD7:
            intervals.append(bytes(current))
            current.clear()
            at += 2
        else:
            return [*intervals, bytes(current)], at


def _places(state: _State, indexes: list[int]) -> Iterator[list[tuple[int, list[int]]]]:
    """A.2: for each MCU, its components (by place in the scan) and blocks."""
    if len(indexes) == 1:
        rows, columns = state.sizes(indexes[0])
        for row in range(rows):
            for column in range(columns):
                yield [(0, state.blocks[indexes[0]][row][column])]
        return
    _, h0, v0, _ = state.frame[indexes[0]]
    for mcu_row in range(len(state.blocks[indexes[0]]) // v0):
        for mcu_column in range(len(state.blocks[indexes[0]][0]) // h0):
            mcu: list[tuple[int, list[int]]] = []
            for place, index in enumerate(indexes):
                _, h, v, _ = state.frame[index]
                for y in range(mcu_row * v, (mcu_row + 1) * v):
                    mcu += [(place, block) for block in state.blocks[index][y][mcu_column * h : (mcu_column + 1) * h]]
            yield mcu


def _read_scan(state: _State, header: bytes, intervals: list[bytes]) -> None:
    count = header[0]
    entries = [header[1 + 2 * i : 3 + 2 * i] for i in range(count)]
    indexes = [next(i for i, f in enumerate(state.frame) if f[0] == entry[0]) for entry in entries]
    for index in indexes:
        if state.component_steps[index] is None:
            state.component_steps[index] = state.steps[state.frame[index][3]]
    band = header[1 + 2 * count], header[2 + 2 * count]
    high, low = header[3 + 2 * count] >> 4, header[3 + 2 * count] & 15
    mcus = list(_places(state, indexes))
    step = state.restart or len(mcus)
    for number, interval in enumerate(intervals):
        bits, predicted, ended = _Bits(interval), [0] * count, 0
        for mcu in mcus[number * step : (number + 1) * step]:
            for place, block in mcu:
                dc, ac = state.codes.get((0, entries[place][1] >> 4)), state.codes.get((1, entries[place][1] & 15))
                if band[0] == 0 and high:
                    block[0] |= bits.take(1) << low
                elif band[0] == 0:
                    assert dc is not None
                    predicted[place] += bits.number(bits.symbol(dc))
                    block[0] = predicted[place] * (1 << low)
                if band[1] == 0:
                    continue
                assert ac is not None
                if not state.progressive:
                    _read_block(bits, ac, block)
                elif high:
                    ended = _refine(bits, ac, block, band, low, ended)
                else:
                    ended = _read_first(bits, ac, block, band, low, ended)


def _read_block(bits: _Bits, code: _Code, block: list[int]) -> None:
    """Figure F.13."""
    k = 1
    while k < 64:
        run, size = divmod(bits.symbol(code), 16)
        if size == 0:
            if run < 15:
                return
            k += 16
            continue
        k += run
        block[k] = bits.number(size)
        k += 1


def _read_first(bits: _Bits, code: _Code, block: list[int], band: tuple[int, int], low: int, ended: int) -> int:
    """G.1.2.2."""
    if ended:
        return ended - 1
    k = band[0]
    while k <= band[1]:
        run, size = divmod(bits.symbol(code), 16)
        if size == 0:
            if run < 15:
                return (1 << run) + bits.take(run) - 1
            k += 16
            continue
        k += run
        block[k] = bits.number(size) * (1 << low)
        k += 1
    return 0


def _refine(bits: _Bits, code: _Code, block: list[int], band: tuple[int, int], low: int, ended: int) -> int:
    """G.1.2.3, figure G.7."""

    def correct(k: int) -> None:
        if bits.take(1):
            block[k] += (1 << low) if block[k] > 0 else -(1 << low)

    k = band[0]
    while not ended and k <= band[1]:
        run, size = divmod(bits.symbol(code), 16)
        if size == 0 and run < 15:
            ended = (1 << run) + bits.take(run)
            break
        new = (1 if bits.take(1) else -1) << low if size else 0
        while True:
            if block[k]:
                correct(k)
            elif run == 0:
                break
            else:
                run -= 1
            k += 1
        block[k] = new
        k += 1
    if ended:
        for rest in range(k, band[1] + 1):
            if block[rest]:
                correct(rest)
        return ended - 1
    return 0
