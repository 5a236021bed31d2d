"""Peers that are one command over a list of URLs: img2dataset, sharp in Node, and xargs with curl, djpeg and cjpeg."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bench.measure import Cost, measured_command
from bench.peers import CORES, QUALITY, Job, NotHere, Peer, tools

PIPE = f'curl --silent --fail "$0" | djpeg | cjpeg -quality {QUALITY} -outfile "$1"'


def listed(job: Job, *, targets: bool = True) -> Path:
    """A file beside the outputs' folder with a line for each URL."""
    path = job.folder.with_suffix(".txt")
    lines = (f"{url} {job.folder / f'{n}.jpg'}" if targets else url for n, url in enumerate(job.urls))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def img2dataset(job: Job) -> Cost:
    command = [str(tools.python_peer("img2dataset") / "img2dataset"), "--url_list", str(listed(job, targets=False))]
    command += ["--output_folder", str(job.folder), "--output_format", "files", "--resize_mode", "no"]
    command += [
        "--encode_quality",
        str(QUALITY),
        "--processes_count",
        str(CORES),
        "--thread_count",
        str(max(2, job.in_flight // CORES)),
    ]
    command += ["--number_sample_per_shard", str(-(-len(job.urls) // (2 * CORES))), "--timeout", "60"]
    command += ["--extract_exif", "False", "--compute_hash", "None", "--enable_wandb", "False"]
    return measured_command(command)


def sharp(job: Job) -> Cost:
    command = ["node", str(tools.HERE / "sharp/halve.mjs"), str(tools.node_peer("sharp")), str(listed(job))]
    return measured_command([*command, str(job.in_flight), str(QUALITY)])


def xargs(job: Job) -> Cost:
    command = ["xargs", "-a", str(listed(job)), "-P", str(job.in_flight), "-L", "1", "sh", "-c", PIPE]
    return measured_command(command, {**os.environ, "LC_ALL": "C"})


def sharp_version() -> str:
    tools.node_peer("sharp")
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    pins = json.loads((tools.HERE / "sharp/package.json").read_text())
    return f"sharp {pins['dependencies']['sharp']}, Node {node}"


def img2dataset_version() -> str:
    tools.python_peer("img2dataset")
    return f"{tools.pinned('img2dataset', 'img2dataset')}, {tools.pinned('img2dataset', 'opencv-python-headless')}"


def xargs_version() -> str:
    try:
        tools.command("xargs", "curl", "djpeg", "cjpeg")
    except NotHere as absent:
        raise NotHere(f"xargs, curl, djpeg and cjpeg were left out: {absent} Debian has them in libjpeg-turbo-progs.") from None
    told = subprocess.run(["cjpeg", "-version"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).strip().splitlines()[0]


IMG2DATASET = Peer(
    "img2dataset",
    f"{CORES} processes, as many threads as downloads may wait at once, no resizing, no hashes, no EXIF, four shards",
    img2dataset_version,
    img2dataset,
)
SHARP = Peer(
    "sharp, Node",
    "`fetch`, sharp with one thread an image and libuv's four threads, no cache (`bench/peers/sharp/halve.mjs`)",
    sharp_version,
    sharp,
)
XARGS = Peer(
    "xargs, curl, djpeg, cjpeg",
    f"`xargs -P N -L 1 sh -c '{PIPE}'`, N as many as downloads may wait at once".replace("|", "\\|"),
    xargs_version,
    xargs,
)
