"""All measurements through one door: `python -m bench [PART …] [--quick]`, or `make bench`.

Each part runs in a process of its own and writes its page into `docs/benchmarks`; in the end the index gathers the measures.
`--quick` measures little, to see that all of it works; its pages go into `.bench/quick`. `--list` tells the parts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from bench.index import write_index
from bench.parts import PARTS, Part
from bench.report import BUSY, ended


def run(part: Part, *, quick: bool) -> bool:
    """Whether it worked. What it prints is seen at once, and becomes its page if it writes none itself."""
    command = [sys.executable, "-m", f"bench.{part.module}", *(part.quick if quick else part.full)]
    print(f"\n== {part.name}: {part.about}", flush=True)
    began = time.perf_counter()
    told = []
    environment = {**os.environ, "BENCH_QUICK": "yes" if quick else ""}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            told.append(line)
    print(f"== {part.name}: {time.perf_counter() - began:.0f} s{'' if not process.returncode else ', FAILED'}", flush=True)
    if process.returncode:
        return False
    if not part.own_page and not quick:
        said = "".join(told).strip()
        shown = said if part.is_markdown else f"```\n{said}\n```"
        shell = f"python -m bench.{part.module} {' '.join(part.full)}".strip()
        ended(part.name, f"# {part.title}\n\n{part.about}.\n\n{shown}\n\nBy itself: `{shell}`.")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = {part.name: part for part in PARTS}
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="little of everything: two or three minutes")
    parser.add_argument("--list", action="store_true", help="tell the parts and what they measure")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(names):
        parser.error(f"no such part: {', '.join(sorted(unknown))}. There are {', '.join(names)}.")
    if asked.list:
        for part in PARTS:
            print(f"{part.name:<12} {part.about}")
        return
    if BUSY:
        print(f"The machine is busy (load {os.getloadavg()[1]:.1f}): the pages will say so.", file=sys.stderr)
    began = time.perf_counter()
    chosen = [names[name] for name in asked.parts] or list(PARTS)
    failed = [part.name for part in chosen if not run(part, quick=asked.quick)]
    if not asked.quick:
        write_index()
    print(f"\nin all {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
