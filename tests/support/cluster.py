"""A server and its workers as processes, to be killed and started again."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support.command import CELERY, COMMAND, environment
from tests.support.server import free_port
from tests.support.serving import until

WORKER = [*COMMAND, "worker"]


class Cluster:
    """`settings` are those of all processes; each has a data folder of its own below `folder`, or they share `data`."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, shared: bool) -> None:
        self._folder, self._shared = folder, shared
        self._settings = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_CONCURRENCY": "1", **settings}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.base = f"http://127.0.0.1:{free_port()}"

    def init_db(self) -> None:
        done = subprocess.run(
            [*COMMAND, "init-db"], env=self._environment("server"), cwd=self._folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def serve(self) -> None:
        self._start("server", [*COMMAND, "serve", "--port", self.base.rpartition(":")[2]])
        until(self._answers, "the server did not start", 60)

    def work(self, name: str) -> None:
        """Start a worker of that name: with a broker as Celery starts it, else ours."""
        self._start(name, CELERY if "HALVE_BROKER_URL" in self._settings else WORKER)

    def kill(self, name: str) -> None:
        """SIGKILL; whatever it holds is the others' to find."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    # ── what is asked of the server ───────────────────────────────────────────────────────────────────────────────────

    def ask(self, path: str) -> Any:
        return requests.get(f"{self.base}{path}", timeout=30).json()

    def sheet(self, request_id: str) -> list[dict[str, str]]:
        answer = requests.get(f"{self.base}/download/{request_id}", timeout=30)
        return list(csv.DictReader(io.StringIO(answer.content.decode())))

    def results(self, request_id: str) -> Iterator[dict[str, Any]]:
        """Each product with its images."""
        cursor = ""
        while True:
            page = self.ask(f"/results/{request_id}?limit=500{cursor}")
            yield from page["items"]
            if not page["next"]:
                return
            cursor = f"&cursor={page['next']}"

    def _answers(self) -> bool:
        assert self._processes["server"].poll() is None, self.log("server")
        try:
            return requests.get(f"{self.base}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self._environment(name), cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _environment(self, name: str) -> dict[str, str]:
        data = self._folder / ("data" if self._shared else f"data-{name}")
        return environment({**self._settings, "HALVE_DATA_DIR": str(data)})


@contextmanager
def cluster(folder: Path, settings: Mapping[str, str], *, workers: int = 2, shared: bool = True) -> Iterator[Cluster]:
    """A server and so many workers, `worker-0` and so on; killed in the end."""
    made = Cluster(folder, settings, shared=shared)
    try:
        made.init_db()
        made.serve()
        for number in range(workers):
            made.work(f"worker-{number}")
        yield made
    finally:
        made.stop()
        sys.stdout.writelines(f"── {log.stem} ──\n{log.read_text(errors='replace')[-3000:]}\n" for log in folder.glob("*.log"))
