"""Where peers are installed, and how: pinned, each into a folder of its own that nothing else sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.peers import NotHere

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".tools/peers"


def python_peer(name: str) -> Path:
    """The folder of the commands of an environment made from `bench/peers/NAME.txt`."""
    pins = HERE / f"{name}.txt"
    home = TOOLS / name
    if not current(home, pins.read_text()):
        install(name, environment(home, pins), ROOT)
        (home / "pins").write_text(pins.read_text())
    return home / "bin"


def environment(home: Path, pins: Path) -> list[list[str]]:
    """The commands that make it: uv's, as `make` has fetched it or as it is on PATH; else venv's and pip's."""
    python = str(home / "bin/python")
    uv = shutil.which("uv", path=f"{ROOT / '.tools/bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv:
        made = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)]
        return [made, [uv, "pip", "install", "--quiet", "--python", python, "-r", str(pins)]]
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-r", str(pins)]
    return [[sys.executable, "-m", "venv", "--clear", str(home)], pip]


def node_peer(name: str) -> Path:
    """The folder whose `node_modules` was made from `bench/peers/NAME/package.json`."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NotHere(f"{name} was left out: there is no Node on this machine.")
    pins = HERE / name / "package.json"
    home = TOOLS / name
    if not current(home, pins.read_text()):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(pins, home)
        install(name, [["npm", "install", "--silent", "--no-audit", "--no-fund"]], home)
        (home / "pins").write_text(pins.read_text())
    return home


def current(home: Path, pins: str) -> bool:
    remembered = home / "pins"
    return remembered.exists() and remembered.read_text() == pins


def install(name: str, commands: list[list[str]], cwd: Path) -> None:
    print(f"installing {name} into {TOOLS.relative_to(ROOT)} …", file=sys.stderr, flush=True)
    for command in commands:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or "no reason told").splitlines()[-1]
            raise NotHere(f"{name} was left out: it could not be installed ({reason}).")


def pinned(name: str, package: str) -> str:
    """`package 1.2.3`, as the pins of that environment have it."""
    for line in (HERE / f"{name}.txt").read_text().splitlines():
        if line.lower().startswith(f"{package}=="):
            return line.replace("==", " ")
    raise LookupError(package)


def command(*names: str) -> None:
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        raise NotHere(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on this machine.")
