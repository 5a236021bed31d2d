"""JPEG files of every form that the standard allows and no encoder at hand writes: any sampling, scans, restarts, tables.

A picture is a list of components, each an array of quantised coefficients (rows of blocks, columns, 64 in zigzag order). Written
for clearness from the text of ITU-T T.81, bit by bit; nothing here is shared with what it tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Blocks = NDArray[np.int64]

ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else n % 8))


@dataclass(frozen=True)
class Component:
    """`id` as in the file; `h`, `v` sampling factors; `steps` of quantisation, in zigzag order; `blocks` with picture in them."""

    id: int
    h: int
    v: int
    steps: tuple[int, ...]
    blocks: Blocks


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def h_max(self) -> int:
        return max(c.h for c in self.components)

    @property
    def v_max(self) -> int:
        return max(c.v for c in self.components)


@dataclass(frozen=True)
class Scan:
    """`components` by index; `band` and `bits` as Ss, Se and Ah, Al of a progressive scan header."""

    components: tuple[int, ...]
    band: tuple[int, int] = (0, 63)
    bits: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Form:
    """How a picture is written. `restart`: MCUs between markers. `codes`: `flat`: of equal length, `steep`: up to 16 bits."""

    progressive: bool = False
    scans: tuple[Scan, ...] = ()
    restart: int = 0
    codes: Literal["flat", "steep"] = "flat"
    segments: tuple[bytes, ...] = field(default=())  # whole segments, right behind SOI
    fill: int = 0  # fill bytes before every marker
    wide_steps: bool = False  # quantisation tables of 16 bits
    frame_marker: int | None = None
    tail: bytes = b""  # behind EOI


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def picture_of(image: Image.Image, *, sampling: Sequence[tuple[int, int]], steps: Sequence[Sequence[int]]) -> Picture:
    """Quantised coefficients of an image, RGB turned to YCbCr where there are three components, of L where there is one."""
    if len(sampling) == 1:
        planes = [np.asarray(image.convert("L"), dtype=float)]
    else:
        planes = list(np.moveaxis(np.asarray(image.convert("YCbCr"), dtype=float), 2, 0))
    h_max, v_max = max(h for h, _ in sampling), max(v for _, v in sampling)
    components = []
    for number, (plane, (h, v), wanted) in enumerate(zip(planes, sampling, steps, strict=True), 1):
        width, height = math.ceil(image.width * h / h_max), math.ceil(image.height * v / v_max)
        small = np.asarray(Image.fromarray(plane.astype("uint8")).resize((width, height), Image.Resampling.BOX), dtype=float)
        components.append(Component(number, h, v, tuple(wanted), _transformed(small, wanted)))
    return Picture(image.width, image.height, tuple(components))


def _transformed(plane: NDArray[Any], steps: Sequence[int]) -> Blocks:
    """A.3.3 and A.3.4."""
    rows, columns = math.ceil(plane.shape[0] / 8), math.ceil(plane.shape[1] / 8)
    padded = np.pad(plane, ((0, rows * 8 - plane.shape[0]), (0, columns * 8 - plane.shape[1])), mode="edge") - 128
    blocks = padded.reshape(rows, 8, columns, 8).swapaxes(1, 2)
    u, x = np.mgrid[0:8, 0:8]
    basis = np.cos((2 * x + 1) * u * math.pi / 16) * np.where(u == 0, math.sqrt(1 / 8), 0.5)
    frequencies: NDArray[Any] = (basis @ blocks @ basis.T).reshape(rows, columns, 64)[:, :, ZIGZAG]
    levels: Blocks = np.rint(frequencies / np.asarray(steps)).astype(np.int64)
    return levels


# ── bits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Bits:
    def __init__(self) -> None:
        self.text: list[str] = []

    def put(self, value: int, length: int) -> None:
        if length:
            self.text.append(f"{value:0{length}b}")

    def stuffed(self) -> bytes:
        """F.1.2.3: padded with ones, a zero byte behind each 0xFF."""
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


@dataclass(frozen=True)
class _Code:
    lengths: tuple[int, ...]  # how many codes of 1 to 16 bits
    symbols: tuple[int, ...]

    def words(self) -> dict[int, tuple[int, int]]:
        """C.2: symbol to code and length."""
        words: dict[int, tuple[int, int]] = {}
        code, symbols = 0, iter(self.symbols)
        for length, count in enumerate(self.lengths, 1):
            for _ in range(count):
                words[next(symbols)] = (code, length)
                code += 1
            code <<= 1
        return words


def _code_for(symbols: set[int], kind: str) -> _Code:
    """`flat`: all codes as long as need be to leave out the one of all ones. `steep`: 1, 2, 3 … 7 bits long, the rest 16."""
    ordered = sorted(symbols)
    lengths = [0] * 16
    if kind == "flat":
        lengths[len(ordered).bit_length() - 1] = len(ordered)
    else:
        short = min(7, len(ordered) - 1)
        lengths[:short] = [1] * short
        lengths[15] = len(ordered) - short
    return _Code(tuple(lengths), tuple(ordered))


def _category(value: int) -> int:
    return abs(value).bit_length()


def _extra(value: int) -> tuple[int, int]:
    """F.1.2.1: the extra bits of a number, and how many."""
    size = _category(value)
    return (value if value > 0 else value + (1 << size) - 1), size


# ── symbols: (class, symbol, extra bits, how many) ────────────────────────────────────────────────────────────────────

_Symbol = tuple[str, int, int, int]


def _sequential_block(block: Sequence[int], predicted: int) -> Iterator[_Symbol]:
    extra, size = _extra(block[0] - predicted)
    yield "dc", size, extra, size
    run = 0
    for k in range(1, 64):
        value = int(block[k])
        if value == 0:
            run += 1
            continue
        while run > 15:
            yield "ac", 0xF0, 0, 0
            run -= 16
        extra, size = _extra(value)
        yield "ac", run << 4 | size, extra, size
        run = 0
    if run:
        yield "ac", 0, 0, 0


def _point(value: int, low: int) -> int:
    """G.1.2.2: AC is divided by 2^Al towards zero."""
    return value >> low if value >= 0 else -(-value >> low)


def _end_of_bands(run: int) -> Iterator[_Symbol]:
    """G.1.2.2: how many blocks end, at most 32767 at once."""
    while run:
        now = min(run, 0x7FFF)
        size = now.bit_length() - 1
        yield "ac", size << 4, now - (1 << size), size
        run -= now


def _first_band(blocks: Sequence[Sequence[int]], band: tuple[int, int], low: int) -> Iterator[_Symbol]:
    ended = 0
    for block in blocks:
        run = 0
        for k in range(band[0], band[1] + 1):
            value = _point(int(block[k]), low)
            if value == 0:
                run += 1
                continue
            yield from _end_of_bands(ended)
            ended = 0
            while run > 15:
                yield "ac", 0xF0, 0, 0
                run -= 16
            extra, size = _extra(value)
            yield "ac", run << 4 | size, extra, size
            run = 0
        if run:
            ended += 1
    yield from _end_of_bands(ended)


def _refined_band(blocks: Sequence[Sequence[int]], band: tuple[int, int], low: int) -> Iterator[_Symbol]:
    """G.1.2.3. Correction bits are symbols of class `bit`. Those of ended blocks follow the run that ends them."""
    ended, late = 0, ""

    def end() -> Iterator[_Symbol]:
        nonlocal ended, late
        yield from _end_of_bands(ended)
        for bit in late:
            yield "bit", 0, int(bit), 1
        ended, late = 0, ""

    for block in blocks:
        values = {k: _point(int(block[k]), low) for k in range(band[0], band[1] + 1)}
        last_new = max((k for k, v in values.items() if abs(v) == 1), default=0)
        run, corrections = 0, ""
        for k, value in values.items():
            if value == 0:
                run += 1
                continue
            while run > 15 and k <= last_new:
                yield from end()
                yield "ac", 0xF0, 0, 0
                for bit in corrections:
                    yield "bit", 0, int(bit), 1
                run, corrections = run - 16, ""
            if abs(value) > 1:
                corrections += str(abs(value) & 1)
                continue
            yield from end()
            yield "ac", run << 4 | 1, int(value > 0), 1
            for bit in corrections:
                yield "bit", 0, int(bit), 1
            run, corrections = 0, ""
        if run or corrections:
            ended += 1
            late += corrections
            if ended == 0x7FFF or len(late) > 900:
                yield from end()
    yield from end()


# ── scans ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mcus(picture: Picture, scan: Scan) -> list[list[tuple[int, Sequence[int]]]]:
    """A.2: MCUs as lists of (component, block). Beyond the picture's edge, the nearest block's DC."""
    if len(scan.components) == 1:
        component = picture.components[scan.components[0]]
        return [[(scan.components[0], block)] for row in component.blocks.tolist() for block in row]
    mcus = []
    for row in range(math.ceil(picture.height / 8 / picture.v_max)):
        for column in range(math.ceil(picture.width / 8 / picture.h_max)):
            mcu: list[tuple[int, Sequence[int]]] = []
            for index in scan.components:
                component = picture.components[index]
                rows, columns = component.blocks.shape[:2]
                for y in range(row * component.v, (row + 1) * component.v):
                    for x in range(column * component.h, (column + 1) * component.h):
                        block = component.blocks[min(y, rows - 1), min(x, columns - 1)].tolist()
                        mcu.append((index, block if y < rows and x < columns else [block[0], *[7] * 3, *[0] * 60]))
            mcus.append(mcu)
    return mcus


def _symbols(mcus: list[list[tuple[int, Sequence[int]]]], scan: Scan, *, progressive: bool) -> Iterator[_Symbol]:
    high, low = scan.bits
    if progressive and scan.band[0] > 0:
        blocks = [block for mcu in mcus for _, block in mcu]
        yield from _refined_band(blocks, scan.band, low) if high else _first_band(blocks, scan.band, low)
        return
    predicted = dict.fromkeys(scan.components, 0)
    for mcu in mcus:
        for index, block in mcu:
            if not progressive:
                for kind, symbol, extra, size in _sequential_block(block, predicted[index]):
                    yield f"{kind}{min(index, 1)}", symbol, extra, size
                predicted[index] = block[0]
            elif high:
                yield "bit", 0, block[0] >> low & 1, 1
            else:
                extra, size = _extra((block[0] >> low) - predicted[index])
                yield "dc", size, extra, size
                predicted[index] = block[0] >> low


def _segment(marker: int, payload: bytes, form: Form) -> bytes:
    return b"\xff" * form.fill + bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _scan_bytes(picture: Picture, scan: Scan, form: Form) -> bytes:
    mcus = _mcus(picture, scan)
    step = form.restart or len(mcus)
    intervals = [list(_symbols(mcus[i : i + step], scan, progressive=form.progressive)) for i in range(0, len(mcus), step)]
    used: dict[str, set[int]] = {}
    for interval in intervals:
        for kind, symbol, _, _ in interval:
            if kind != "bit":
                used.setdefault(kind, set()).add(symbol)
    codes = {kind: _code_for(symbols, form.codes) for kind, symbols in used.items()}
    out = b""
    for kind, code in sorted(codes.items()):
        where = (0x10 if kind.startswith("ac") else 0) | (int(kind[2]) if len(kind) > 2 else 0)
        out += _segment(0xC4, bytes([where, *code.lengths, *code.symbols]), form)
    header = bytes([len(scan.components)])
    for index in scan.components:
        table = 0 if form.progressive else min(index, 1)
        header += bytes([picture.components[index].id, table * 0x11])
    out += _segment(0xDA, header + bytes([*scan.band, scan.bits[0] << 4 | scan.bits[1]]), form)
    words = {kind: code.words() for kind, code in codes.items()}
    for number, interval in enumerate(intervals):
        if number:
            out += b"\xff" * form.fill + bytes([0xFF, 0xD0 + (number - 1) % 8])
        bits = _Bits()
        for kind, symbol, extra, size in interval:
            if kind != "bit":
                bits.put(*words[kind][symbol])
            bits.put(extra, size)
        out += bits.stuffed()
    return out


def jpeg(picture: Picture, form: Form | None = None) -> bytes:
    """The picture as a file of that form; without scans, one of all components."""
    form = form or Form()
    scans = form.scans or (Scan(tuple(range(len(picture.components)))),)
    out = b"\xff\xd8" + b"".join(form.segments)
    tables = list(dict.fromkeys(c.steps for c in picture.components))
    for number, steps in enumerate(tables):
        wide = form.wide_steps or max(steps) > 255
        payload = bytes([wide << 4 | number]) + b"".join(step.to_bytes(2 if wide else 1, "big") for step in steps)
        out += _segment(0xDB, payload, form)
    frame = bytes([8]) + picture.height.to_bytes(2, "big") + picture.width.to_bytes(2, "big") + bytes([len(picture.components)])
    for component in picture.components:
        frame += bytes([component.id, component.h << 4 | component.v, tables.index(component.steps)])
    out += _segment(form.frame_marker or (0xC2 if form.progressive else 0xC1 if form.wide_steps else 0xC0), frame, form)
    if form.restart:
        out += _segment(0xDD, form.restart.to_bytes(2, "big"), form)
    for scan in scans:
        out += _scan_bytes(picture, scan, form)
    return out + b"\xff" * form.fill + b"\xff\xd9" + form.tail


def progressive_script(components: int, *, low: int = 1, split: int = 5) -> tuple[Scan, ...]:
    """All DC first, then AC in two bands, then a bit at a time until nothing is left, DC last."""
    everyone = tuple(range(components))
    scans = [Scan(everyone, (0, 0), (0, low))]
    for index in everyone:
        scans += [Scan((index,), (1, split), (0, low)), Scan((index,), (split + 1, 63), (0, low))]
    for bit in range(low, 0, -1):
        scans += [Scan((index,), (1, 63), (bit, bit - 1)) for index in reversed(everyone)]
        scans.append(Scan(everyone, (0, 0), (bit, bit - 1)))
    return tuple(scans)


def with_ids(picture: Picture, ids: Sequence[int]) -> Picture:
    components = tuple(replace(component, id=id) for component, id in zip(picture.components, ids, strict=True))
    return replace(picture, components=components)
