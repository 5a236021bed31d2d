"""What is to be deployed, read closely: no container is built or started here, so what can be told from the files is."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from halve.backends import BROKER_SCHEMES, IMAGE_SCHEMES, STATE_SCHEMES
from halve.settings import Settings, read_settings
from tests.support.command import COMMAND, environment

ROOT = Path(__file__).parents[1]
COMPOSED = ["compose.yaml", "compose.mongodb.yaml"]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
OF_OTHERS = re.compile(r"AWS_(ENDPOINT_URL|REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY)")
SETTINGS = {f"HALVE_{field.name.upper()}" for field in fields(Settings)}

# ── the image ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as instruction and argument, comments gone, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last(instruction: str) -> str:
    return [argument for name, argument in instructions() if name == instruction][-1]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def test_the_image_is_made_in_stages_and_its_bases_are_pinned() -> None:
    assert len(stages()) >= 2
    for stage in stages():
        assert re.match(r"[\w./-]+:[\w.-]+", stage[0][1]), stage[0]
        assert ":latest" not in stage[0][1]
    assert {name for name, _ in instructions()} <= {
        *("FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD")
    }


def test_packages_are_installed_without_leaving_anything_behind() -> None:
    for _, command in [found for found in instructions() if found[0] == "RUN"]:
        if "apt-get install" in command:
            assert "apt-get update" in command
            assert "--yes" in command
            assert "--no-install-recommends" in command
            assert "rm -rf /var/lib/apt/lists/*" in command
        if "pip install" in command:
            assert "--no-cache-dir" in command
            assert re.search(r"==[\d.]+", command)
        assert "sudo" not in command
    installing = [words for name, words in stages()[-1] if name == "RUN" and re.search("apt-get|pip|uv ", words)]
    assert not installing, "the last stage installs nothing"


def test_the_same_uv_makes_the_image_as_makes_the_environment() -> None:
    pinned = re.search(r"^UV_PINNED=(\S+)", (ROOT / "tools/environment").read_text(), re.MULTILINE)
    assert pinned
    assert f"uv=={pinned[1]}" in (ROOT / "Dockerfile").read_text()


def test_the_lock_is_obeyed_and_the_tests_own_packages_stay_out() -> None:
    syncs = [command for name, command in instructions() if name == "RUN" and "uv sync" in command]
    assert len(syncs) == 2
    assert all({"--frozen", "--no-dev"} <= set(command.split()) for command in syncs)


def test_it_runs_as_nobody_in_particular() -> None:
    [user] = [argument for name, argument in stages()[-1] if name == "USER"]
    assert user.isdigit()
    assert int(user) > 0
    assert f"--uid {user}" in (ROOT / "Dockerfile").read_text()


def test_its_commands_are_lists_so_that_signals_arrive() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["halve"]
    command = json.loads(last("CMD"))
    done = subprocess.run([*COMMAND, *command, "--help"], env=environment(), capture_output=True, check=False)
    assert done.returncode == 0
    assert last("STOPSIGNAL") == "SIGTERM"
    assert "/healthz" in " ".join(json.loads(last("HEALTHCHECK").partition(" CMD ")[2]))


def test_its_settings_are_settings() -> None:
    words = shlex.split(" ".join(argument for name, argument in stages()[-1] if name == "ENV"))
    ours = {name for name, _, _ in (word.partition("=") for word in words) if name.startswith("HALVE_")}
    assert ours
    assert ours <= SETTINGS
    assert f"VOLUME {dict(word.split('=', 1) for word in words)['HALVE_DATA_DIR']}" in (ROOT / "Dockerfile").read_text()


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    copied = [word for name, words in stages()[0] if name == "COPY" for word in words.split()[:-1]]
    assert sorted(copied) == sorted(let_through)
    for path in copied:
        assert (ROOT / path).exists(), path
    # What the package itself is built of must be among it.
    project = (ROOT / "pyproject.toml").read_text()
    assert 'readme = "README.md"' in project
    assert {"pyproject.toml", "setup.py", "README.md", "LICENSE", "src"} <= set(copied)


# ── compose ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SERVICE_KEYS = {
    *("image", "build", "init", "restart", "environment", "command", "entrypoint", "ports", "volumes", "healthcheck"),
    *("stop_grace_period", "depends_on", "deploy", "shm_size"),
}


@pytest.fixture(params=COMPOSED)
def composed(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / request.param).read_text())
    return found


def filled(value: str) -> str:
    """With the defaults that stand in `${NAME:-default}`."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def ours(composed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in composed["services"].items() if "build" in service}


def test_every_service_says_what_it_is_how_it_is_and_what_follows_its_end(composed: dict[str, Any]) -> None:
    assert set(composed) <= {"name", "services", "volumes", "x-halve"}
    for name, service in composed["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert re.fullmatch(r"[\w./-]+(:[\w.-]+)?", service["image"]), name
        if "build" not in service:
            assert ":" in service["image"], f"{name} is not pinned"
            assert not service["image"].endswith(":latest")
        if service["restart"] == "no":  # quoted, or YAML takes it for false
            assert service["healthcheck"] == {"disable": True}, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
            assert {"interval", "timeout", "retries"} <= set(service["healthcheck"]), name
        for key in ("command", "entrypoint"):
            assert isinstance(service.get(key, []), list), name
            assert all(isinstance(word, str) for word in service.get(key, [])), name


def test_who_waits_waits_for_somebody_that_can_be_waited_for(composed: dict[str, Any]) -> None:
    services = composed["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], (name, other)
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services[other]["restart"] == "no", (name, other)


def test_volumes_are_declared_and_ports_are_for_this_machine_alone(composed: dict[str, Any]) -> None:
    used = {volume.split(":")[0] for service in composed["services"].values() for volume in service.get("volumes", [])}
    assert used == set(composed["volumes"])
    ports = [port for service in composed["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_what_is_set_is_a_setting_with_a_possible_value(composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, service in ours(composed).items():
        variables = {variable: filled(value) for variable, value in service["environment"].items()}
        assert all(variable in SETTINGS or OF_OTHERS.fullmatch(variable) for variable in variables), name
        with monkeypatch.context() as patch:
            for variable, value in variables.items():
                patch.setenv(variable, value)
            settings = read_settings()
        for url, schemes in (
            (settings.database_url, {*STATE_SCHEMES, "postgresql"}),
            (settings.storage_url, IMAGE_SCHEMES),
            (settings.broker_url, BROKER_SCHEMES),
        ):
            assert url is not None
            assert url.partition("://")[0] in schemes
            host = re.sub(r".*@", "", url.partition("://")[2]).partition(":")[0].partition("/")[0]
            assert host in composed["services"] or url.startswith("s3://"), url


def test_all_of_ours_have_the_same_settings(composed: dict[str, Any]) -> None:
    settings = [service["environment"] for service in ours(composed).values()]
    assert all(other == settings[0] for other in settings)


def test_there_are_two_workers_which_are_started_as_celery_starts_them(composed: dict[str, Any]) -> None:
    worker = composed["services"]["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert [*worker["entrypoint"], *worker["command"]] == ["celery", "-A", "halve.engine.celery", "worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > 10


def test_passwords_agree(composed: dict[str, Any]) -> None:
    """The same variable with the same default wherever it is needed."""
    text = yaml.safe_dump(composed)
    defaults: dict[str, set[str]] = {}
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        defaults.setdefault(name, set()).add(default)
    assert all(len(found) == 1 for found in defaults.values()), defaults


# ── systemd ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    [command] = re.findall(r"^ExecStart=/opt/halve/bin/halve (.*)$", unit.read_text(), re.MULTILINE)
    done = subprocess.run([*COMMAND, *command.split(), "--help"], env=environment(), capture_output=True, check=False)
    assert done.returncode == 0
    [patience] = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
    assert int(patience) > 10
    assert set(re.findall(r"HALVE_\w+", unit.read_text())) <= SETTINGS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/halve/bin/halve", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_of_an_environment_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in (ROOT / "deploy/halve.env").read_text().splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)
    assert all(name in SETTINGS or OF_OTHERS.fullmatch(name) for name in variables)
    assert not [name for name, value in variables.items() if fnmatch(value, "*['\"$]*")]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_settings().broker_url == variables["HALVE_BROKER_URL"]
