"""A picture of quantised coefficients, set upright as its orientation asks: by arrays, not by lists of blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.jpeg_forms import ZIGZAG, Picture

TRANSPOSED, FROM_RIGHT, FROM_BOTTOM = (5, 6, 7, 8), (2, 3, 7, 8), (3, 4, 6, 7)
_POSITION = np.argsort(ZIGZAG)  # of a coefficient, by where it stands in rows of eight


def can_be_turned(picture: Picture, orientation: int) -> bool:
    """Whether no edge within an MCU would come to the left or the top."""
    across, down = 8 * picture.h_max, 8 * picture.v_max
    return not (orientation in FROM_RIGHT and picture.width % across) and not (orientation in FROM_BOTTOM and picture.height % down)


def upright(picture: Picture, orientation: int) -> Picture:
    components = []
    for component in picture.components:
        blocks = component.blocks[:, :, _POSITION].reshape(*component.blocks.shape[:2], 8, 8)
        steps = np.asarray(component.steps)[_POSITION].reshape(8, 8)
        h, v = component.h, component.v
        if orientation in FROM_RIGHT:
            blocks = blocks[:, ::-1] * (1, -1, 1, -1, 1, -1, 1, -1)
        if orientation in FROM_BOTTOM:
            blocks = blocks[::-1] * np.array((1, -1, 1, -1, 1, -1, 1, -1))[:, None]
        if orientation in TRANSPOSED:
            blocks, steps, h, v = blocks.transpose(1, 0, 3, 2), steps.T, v, h
        turned = blocks.reshape(*blocks.shape[:2], 64)[:, :, ZIGZAG]
        components.append(replace(component, h=h, v=v, steps=tuple(steps.reshape(64)[ZIGZAG].tolist()), blocks=turned))
    width, height = (picture.height, picture.width) if orientation in TRANSPOSED else (picture.width, picture.height)
    return replace(picture, width=width, height=height, components=tuple(components))
