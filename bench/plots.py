"""The benchmarks' pictures: labels beside what they name, no frame, no legend, one colour for what is ours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, OURS, OTHERS = "#1d2433", "#667085", "#0b7a5b", "#b9c0cc"
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "axes.edgecolor": "#d5dae2",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "halve",
    "figure.facecolor": "white",
}
Figures = Mapping[float, Mapping[str, float]]
"""By latency in seconds: by name, a figure."""


def save(figure: Figure, stem: Path) -> None:
    """As SVG for the documents and as PNG for whatever cannot show that; without a date: same figures, same file."""
    figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None}, bbox_inches="tight", pad_inches=0.15)
    figure.savefig(stem.with_suffix(".png"), dpi=120, bbox_inches="tight", pad_inches=0.15)
    plt.close(figure)


def rates(stem: Path, rate: Figures, cpu: Figures, ours: str) -> None:
    """Bars of images a second at each latency, and of the CPU an image where nothing waits."""
    panels = [(f"Images a second, {_latency(at)}", figures, "{:.0f}") for at, figures in rate.items()]
    panels.append(("CPU an image, milliseconds (less is better)", cpu[min(cpu)], "{:.1f}"))
    with mpl.rc_context(STYLE):
        heights = [len(figures) for _, figures, _ in panels]
        figure, axes = plt.subplots(len(panels), 1, figsize=(7.6, 0.34 * sum(heights) + 0.62 * len(panels)), height_ratios=heights)
        for axis, (title, figures, form) in zip(axes, panels, strict=True):
            _bars(axis, title, figures, form, ours)
        figure.tight_layout(h_pad=1.6)
        save(figure, stem)


def _latency(seconds: float) -> str:
    return f"each answer {seconds * 1e3:.0f} ms late" if seconds else "no latency"


def _bars(axis: Axes, title: str, figures: Mapping[str, float], form: str, ours: str) -> None:
    ordered = sorted(figures.items(), key=lambda item: item[1], reverse="less" in title)
    names, values = [name for name, _ in ordered], [value for _, value in ordered]
    bars = axis.barh(names, values, height=0.68, color=[OURS if name == ours else OTHERS for name in names])
    axis.bar_label(bars, [form.format(value) for value in values], padding=4, color=INK)
    axis.set_title(title, loc="left", fontsize=10.5, fontweight="bold", x=0, pad=8)
    axis.set_xlim(0, max(values) * 1.09)
    axis.xaxis.set_visible(False)
    for side in ("bottom", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0)
    for label in axis.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == ours else "normal")


def curves(stem: Path, found: Mapping[str, list[tuple[float, float]]], ours: str, marked: int) -> None:
    """A line for each way: the score against bytes as a share of the source's. The point `marked` is the one at quality 50."""
    tints = ("#667085", "#c2703d", "#4a6fa5", "#8a63a8", "#a08a2c", "#b0507a")
    others = iter(tints)
    with mpl.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.6, 4.6))
        ends = []
        for name, points in found.items():
            colour = OURS if name == ours else next(others)
            across, up = [point[0] for point in points], [point[1] for point in points]
            width = 2.6 if name == ours else 1.4
            axis.plot(across, up, color=colour, linewidth=width, solid_capstyle="round", zorder=3 if name == ours else 2)
            axis.plot(across[marked], up[marked], "o", color=colour, markersize=6 if name == ours else 4.5, zorder=4)
            ends.append((up[-1], across[-1], name, colour))
        _labels(axis, ends, ours)
        axis.set_xlabel("bytes, as a share of the source's")
        axis.set_title(
            "Look (SSIMULACRA2) against bytes; the dots are at quality 50", loc="left", fontsize=10.5, fontweight="bold", pad=10
        )
        axis.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
        axis.grid(visible=True, color="#eef1f5", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(length=0)
        save(figure, stem)


def _labels(axis: Axes, ends: list[tuple[float, float, str, str]], ours: str) -> None:
    """Names beside the lines' ends, one below the other in the order of their bytes, so that they do not touch."""
    low, high = axis.get_ylim()
    apart = (high - low) * 0.058
    right = max(across for _, across, _, _ in ends)
    top = statistics.fmean(up for up, _, _, _ in ends) + apart * 0.75
    for place, (up, across, name, colour) in enumerate(sorted(ends, key=lambda end: end[1])):
        axis.annotate(
            name,
            (across, up),
            (right + 0.035, top - place * apart),
            color=colour,
            fontweight="bold" if name == ours else "normal",
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 2, "shrinkB": 4, "relpos": (0, 0.5)},
            annotation_clip=False,
        )
