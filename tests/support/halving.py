"""What halving chroma must give, by pixels: leave out what half as many cannot have, average two by two, transform again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.support.jpeg_forms import ZIGZAG, Component, Picture
from tests.support.requantising import target_steps

_U, _X = np.mgrid[0:8, 0:8]
_BASIS: NDArray[np.float64] = np.cos((2 * _X + 1) * _U * np.pi / 16) * np.where(_U == 0, np.sqrt(1 / 8), 0.5)


def is_halved(picture: Picture, quality: int, *, rgb: bool = False) -> bool:
    """Below 90, where chroma has more than half the resolution in some direction, and some step becomes coarser."""
    if rgb or len(picture.components) == 1 or quality >= 90:
        return False
    first, *chroma = picture.components
    if (first.h, first.v) not in ((1, 1), (1, 2), (2, 1)) or any((c.h, c.v) != (1, 1) or max(c.steps) > 255 for c in chroma):
        return False
    return any(list(c.steps) != target_steps(c.steps, quality, luminance=index == 0) for index, c in enumerate(picture.components))


def halved_chroma(picture: Picture, index: int) -> NDArray[np.float64]:
    """The frequencies of a component after halving, not rounded: rows and columns of blocks, each in zigzag order."""
    first, component = picture.components[0], picture.components[index]
    down, across = first.v == 1, first.h == 1
    frequencies = _blocks(component)
    frequencies[:, :, 4 if down else 8 :, :] = 0
    frequencies[:, :, :, 4 if across else 8 :] = 0
    blocks = _BASIS.T @ frequencies @ _BASIS
    rows, columns = blocks.shape[:2]
    plane = blocks.swapaxes(1, 2).reshape(rows * 8, columns * 8)
    plane = np.pad(plane, ((0, 8 * (rows % 2) * down), (0, 8 * (columns % 2) * across)), mode="symmetric")
    if down:
        plane = (plane[0::2] + plane[1::2]) / 2
    if across:
        plane = (plane[:, 0::2] + plane[:, 1::2]) / 2
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    transformed = _BASIS @ plane.reshape(rows, 8, columns, 8).swapaxes(1, 2) @ _BASIS.T
    zigzag: NDArray[np.float64] = transformed.reshape(rows, columns, 64)[:, :, ZIGZAG]
    return zigzag


def _blocks(component: Component) -> NDArray[np.float64]:
    natural = np.zeros(component.blocks.shape)
    natural[:, :, ZIGZAG] = component.blocks * np.asarray(component.steps)
    return natural.reshape(*component.blocks.shape[:2], 8, 8)


def levels(frequencies: NDArray[np.float64], steps: list[int], zone: float) -> NDArray[np.float64]:
    """To the nearest of the new steps, AC below `zone` of one to nothing."""
    scaled = frequencies / np.asarray(steps)
    nearest = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)
    gone = np.abs(scaled) < zone
    gone[:, :, 0] = False
    return np.where(gone, 0, nearest)
