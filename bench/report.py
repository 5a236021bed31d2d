"""Where the benchmarks' pages go, what each says of the machine, and the measures that the index gathers from all of them."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
QUICK = bool(os.environ.get("BENCH_QUICK"))
"""A run that only shows that everything works: its pages do not go among the documents."""
FOLDER = ROOT / (".bench/quick" if QUICK else "docs/benchmarks")
NOTED = FOLDER / "measures.json"


def place(name: str) -> Path:
    """The path of a page or picture, without its ending."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / name


def note(measure: str, value: str) -> None:
    """Remember what was measured for one of `bench.index.MEASURES`, with the day and whether the machine was busy."""
    known = json.loads(NOTED.read_text()) if NOTED.exists() else {}
    known[measure] = {"value": value, "when": f"{datetime.now(UTC):%Y-%m-%d}", "busy": BUSY}
    place(NOTED.name).write_text(json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def machine() -> str:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    told = f"{processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"
    parts = ("Python " + platform.python_version(), f"Pillow {version('pillow')}", f"libvips {version('pyvips-binary')}")
    return f"{told}; {', '.join(parts)}"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def ended(name: str, text: str) -> None:
    """Write a page, with a foot that says on what, when and how it was made."""
    foot = f"Written by `python -m bench {name}` on {datetime.now(UTC):%Y-%m-%d}; do not edit. {machine()}."
    if BUSY:
        foot += " **Other work ran on the machine meanwhile**: rates and their ratios are worth little; bytes, CPU and memory hold."
    place(f"{name}.md").write_text(f"{text.rstrip()}\n\n---\n\n{foot}\n")
    print(f"written: {(FOLDER / name).with_suffix('.md').relative_to(ROOT)}", flush=True)


def _busy() -> bool:
    """Whether others used more than a quarter of the machine in the last minutes, before any of ours began."""
    if "BENCH_BUSY" not in os.environ:
        os.environ["BENCH_BUSY"] = "yes" if os.getloadavg()[1] > 0.25 * (psutil.cpu_count() or 1) else ""
    return bool(os.environ["BENCH_BUSY"])


BUSY = _busy()
