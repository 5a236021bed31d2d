"""The table of all parts of the benchmark: what each measures, and with what numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """`full` and `quick` are the arguments of `python -m bench.MODULE`. `own_page`: it writes its page itself; else what it prints
    becomes one, as it is if it `is_markdown`. The whole takes about twenty minutes on two cores.
    """

    name: str
    module: str
    title: str
    about: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    own_page: bool = False
    is_markdown: bool = False


PARTS = (
    Part(
        "end-to-end",
        "end_to_end",
        "End to end",
        "The whole job beside Celery, img2dataset, sharp, thumbor and xargs, with and without latency",
        quick=("--images", "200", "--rounds", "2"),
        own_page=True,
    ),
    Part(
        "look",
        "look",
        "Bytes and looks",
        "Bytes against SSIMULACRA2 at six qualities, ours and others'",
        quick=("--photographs", "2"),
        own_page=True,
    ),
    Part(
        "codec",
        "codec",
        "The codec",
        "CPU and bytes of the codec beside Pillow, format by format, and what isolating it costs",
        full=("--count", "40", "--turns", "3"),
        quick=("--count", "6", "--turns", "1"),
        is_markdown=True,
    ),
    Part(
        "effort",
        "effort",
        "Effort",
        "What more effort of the WebP, AVIF and PNG encoders costs in CPU and saves in bytes at equal looks",
        quick=("--photographs", "1"),
        is_markdown=True,
    ),
    Part(
        "requantiser",
        "requantise",
        "The requantiser",
        "JPEG to JPEG without pixels, beside Pillow, progressive and sequential files apart",
        full=("--turns", "3", "--looks", "8"),
        quick=("--turns", "1"),
    ),
    Part(
        "overhead",
        "overhead",
        "Beside the codec",
        "CPU of an image in the process that fetches, stores and records",
        quick=("--images", "100", "--rounds", "1"),
    ),
    Part(
        "memory",
        "memory",
        "Memory",
        "Whether a longer sheet needs more memory",
        full=("--images", "1000", "10000"),
        quick=("--images", "100", "400"),
    ),
    Part(
        "again",
        "again",
        "A second run",
        "A sheet that did not change, and one whose origin says nothing of versions",
        full=("--images", "10000"),
        quick=("--images", "100"),
    ),
    Part(
        "upload",
        "upload",
        "Long uploads",
        "How long a long sheet takes to be accepted, and how long others wait meanwhile",
        quick=("--rows", "5000", "--rounds", "1"),
    ),
    Part("sheet", "sheet", "Sheets", "Rows a second of reading a sheet and writing its report", full=("100000",), quick=("5000",)),
    Part(
        "states",
        "states",
        "The state store",
        "A database with very many products in it: inserts, claims, records, and what a status costs meanwhile",
        full=("--products", "200000", "--parked", "60000"),
        quick=("--products", "10000", "--parked", "3000"),
    ),
    Part(
        "cluster",
        "cluster",
        "A cluster",
        "Celery workers on PostgreSQL and Valkey beside the embedded worker on SQLite",
        full=("--images", "1000", "--rounds", "2"),
        quick=("--images", "80", "--rounds", "1"),
    ),
    Part(
        "scaling",
        "scaling",
        "How a cluster scales",
        "Images a second against the number of workers, simulated from measured costs",
        quick=("--workers", "1", "4"),
        is_markdown=True,
    ),
)
