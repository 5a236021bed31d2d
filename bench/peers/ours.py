"""`halve run`, from the start of its process to its end: sheet, database, report, isolation and durable records included."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.measure import Cost, measured_command
from bench.peers import CORES, Job, Peer


def run(job: Job, *, cache: Path | None = None) -> Cost:
    """`cache`: where it remembers runs before this one; None: there were none."""
    sheet, told = job.folder.with_suffix(".csv"), job.folder.with_suffix(".json")
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["S. No.", "Product Name", "Input Image Urls"])
        writer.writerows([n, f"Product {n}", url] for n, url in enumerate(job.urls, start=1))
    command = [sys.executable, "-m", "halve", "run", str(sheet), "-o", str(job.folder), "--json"]
    command += ["--allow-private", "127.0.0.0/8", "--concurrency", str(CORES)]
    environment = {**os.environ, "HALVE_CACHE_DIR": str(cache or job.folder.with_name("cache"))}
    cost = measured_command(command, environment, output=told)
    summary = json.loads(told.read_text())
    assert summary["done_images"] == len(job.urls), summary
    return cost


def version() -> str:
    command = ["git", "-C", str(Path(__file__).parents[2]), "describe", "--always", "--dirty"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"halve at {told}" if told else "halve"


OURS = Peer(
    "halve run",
    "all settings are the defaults; everything counts, from the start of the process to its end: the sheet read and written, a "
    "durable record of every image, codecs in isolation",
    version,
    run,
)
