"""What the documents say is so: links lead somewhere, tables are current, the README's commands run."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from halve.core.attempts import POISON
from halve.core.models import DeliveryKind
from halve.doors.api import create_app
from halve.doors.cli.endings import Ending
from halve.doors.cli.settings_table import with_table
from halve.settings import Settings
from tests.support.command import COMMAND, environment, halve, rows_of, serving, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted({README, *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("examples/**/*.md")})
GENERATED = ROOT / "docs/commands.md"

OF_OTHERS = {"--strict", "--autoscale", "--latency"}
"""Options of mypy, uvicorn, Celery and the benchmarks that are spoken of."""

TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """What a page's headings are linked by."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of that language; empty: of none."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT[page], re.MULTILINE | re.DOTALL)
    return [body for found, body in fences if found == language]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", TEXT[page], flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} is not there"
        assert ROOT in there.parents, f"{target} leads out of the repository"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_is_named_exists(page: Path) -> None:
    for path in re.findall(r"`((?:src|tests|bench|tools|docs|examples|fuzz)/[\w./-]+)`", TEXT[page]):
        assert (ROOT / path).exists(), f"{path} is not there"


def test_the_index_leads_to_every_page() -> None:
    reached = {ROOT / "docs/README.md"}
    to_read = list(reached)
    while to_read:
        page = to_read.pop()
        linked = {(page.parent / path).resolve() for path in re.findall(r"\]\(([^)#:\s]+\.md)", TEXT[page])}
        to_read += linked - reached
        reached |= linked
    pages = set((ROOT / "docs").glob("**/*.md"))
    assert pages <= reached, sorted(map(named, pages - reached))


def test_the_table_of_settings_is_current() -> None:
    assert with_table(TEXT[README]) == TEXT[README], "run `make docs`"


def test_the_page_of_commands_is_current() -> None:
    command = [sys.executable, "-c", "import sys, halve.doors.cli.command_pages as c; sys.stdout.buffer.write(c.page().encode())"]
    made = subprocess.run(command, env=environment(), capture_output=True, check=True).stdout.decode()
    assert made == TEXT[GENERATED], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    settings = {f"HALVE_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"HALVE_[A-Z_]+", TEXT[page])) <= settings


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=named)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    commands = dict(re.findall(r"^## halve ([\w-]+)\n(.*?)(?=^## |\Z)", TEXT[GENERATED], re.MULTILINE | re.DOTALL))
    for call in re.findall(
        r"(?:`|^|[ =&])halve ([a-z][\w-]+[^`\n|]*)", "\n".join(re.findall(r"`[^`\n]+`|^halve .*$", TEXT[page], re.MULTILINE))
    ):
        name, *words = call.split()
        assert name in commands, f"halve {name}"
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert option in commands[name], f"halve {name} {option}"
    options = set(re.findall(r"--[a-z][a-z-]+", TEXT[GENERATED])) | OF_OTHERS
    for option in re.findall(r"`(--[a-z][a-z-]+)", TEXT[page]):
        assert option in options, option


def test_every_route_is_described_and_every_described_route_exists() -> None:
    routes = {f"{method.upper()} {path}" for path, methods in create_app().openapi()["paths"].items() for method in methods}
    described = set(re.findall(r"`((?:GET|POST|DELETE) /[^`?]*)", TEXT[ROOT / "docs/http.md"]))
    assert all(any(route.startswith(words) for route in routes) for words in described)
    assert all(any(route.startswith(words) for words in described) for route in routes)


def codes_of(page: str, heading: str) -> set[str]:
    """What stands in backticks in the first column of the table under that heading."""
    text = TEXT[ROOT / "docs" / page].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE))))


def calls(names: set[str]) -> Iterator[ast.Call]:
    """Of these functions or classes, in all of the source."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield node


def test_every_code_of_a_problem_is_described_under_its_status_and_no_other_is() -> None:
    table = dict(re.findall(r"^\| ([45]\d\d) \| (.*) \|$", TEXT[ROOT / "docs/http.md"], re.MULTILINE))
    for call in calls({"Problem"}):
        match call.args[:2]:
            case [ast.Constant(value=int(status)), ast.Constant(value=str(code))]:
                assert f"`{code}`" in table[str(status)], f"{code} is not described under {status}"
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    made_up = {f"no_{kind}" for kind in DeliveryKind}
    described = {code for codes in table.values() for code in re.findall(r"`([a-z_]+)`", codes)}
    assert not [code for code in described - made_up if f'"{code}"' not in source]


def test_every_code_of_a_failed_image_is_described() -> None:
    described = codes_of("fetching.md", "What failures are called") | codes_of("compression.md", "What failures are called")
    for call in calls({"ImageFailed"}):
        for code in (each.value for each in call.keywords if each.arg == "code"):
            if isinstance(code, ast.Constant):
                assert code.value in described, code.value
    assert {POISON, "cancelled"} <= described


def test_every_code_of_a_command_that_failed_is_described() -> None:
    told = TEXT[ROOT / "docs/running.md"] + TEXT[GENERATED]
    sources = [*(ROOT / "src/halve/doors/cli").glob("*.py"), ROOT / "src/halve/outbound/remote.py"]
    codes = set(re.findall(r'code="(\w+)"', "".join(path.read_text(encoding="utf-8") for path in sources)))
    assert {"another_run", "moved"} <= codes
    assert not [code for code in codes - {"cannot_listen"} if f"`{code}`" not in told], "of commands that know --json"


@pytest.mark.parametrize(
    ("page", "source", "named"),
    [
        ("docs/state.md", "src/halve/states/tables.py", r"= Table\(\s*\"(\w+)\""),
        ("docs/backends/mongodb.md", "src/halve/states/mongo/base.py", r"database\[\"(\w+)\"\]"),
        ("docs/backends/firestore.md", "src/halve/states/firestore/base.py", r"collection\(\"(\w+)\"\)"),
    ],
    ids=["sql", "mongodb", "firestore"],
)
def test_every_table_and_collection_is_described(page: str, source: str, named: str) -> None:
    kept = set(re.findall(named, (ROOT / source).read_text(encoding="utf-8")))
    described = re.findall(r"^\| (.*?) \|", TEXT[ROOT / page], re.MULTILINE)
    assert len(kept) > 4
    assert kept <= set(re.findall(r"`(?:requests/…/)?(\w+)`", "".join(described)))


def test_every_exit_code_is_described() -> None:
    described = set(map(int, re.findall(r"^\| (\d+) \|", TEXT[ROOT / "docs/running.md"], re.MULTILINE)))
    assert described == set(Ending)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"\bmake ([a-z]+)(?=[`\s]+(?:[#|A-Z`]|$))", TEXT[page], re.MULTILINE)) <= targets | {"it"}, named(
            page
        )


# ── the README's own examples ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_readmes_sheet_is_taken_as_it_stands(tmp_path: Path) -> None:
    [sheet] = blocks(README, "csv")
    (tmp_path / "products.csv").write_text(sheet)
    ended = halve("run", "products.csv", "--dry-run", "--json", cwd=tmp_path)
    assert ended.code == 0, ended
    told = json.loads(ended.out)
    assert (told["total_rows"], told["total_images"], told["findings"]) == (2, 3, [])


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        for path in ("/cup.jpg", "/cup-side.jpg", "/saucer.png"):
            origin.serve(path, photo("coffee", format="png" if path.endswith("png") else "jpeg", quality=92))
        yield origin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("readme")) as address:
        yield address


def shop(folder: Path, origin: Origin) -> Path:
    """The README's sheet, its pictures on this machine."""
    cup, side, saucer = (origin.url(path) for path in ("/cup.jpg", "/cup-side.jpg", "/saucer.png"))
    return write_sheet(folder / "products.csv", [("Espresso cup", [cup, side]), ("Saucer", [saucer])])


def test_the_readmes_run_gives_the_files_it_shows(tmp_path: Path, origin: Origin) -> None:
    shop(tmp_path, origin)
    [listing] = [block for block in blocks(README, "") if "images/" in block]
    ended = halve("run", "products.csv", "--allow-private", "127.0.0.0/8", cwd=tmp_path)
    assert ended.code == 0, ended
    made = {path.name for path in (tmp_path / "products-halved/images").iterdir()}
    assert made == set(re.findall(r"[\w-]+\.(?:jpg|png)", listing))


def test_the_readmes_requests_are_answered(tmp_path: Path, origin: Origin, server: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    shop(tmp_path, origin)
    lines = [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("curl")]
    upload, status, download = (line.replace("http://127.0.0.1:8000", server) for line in lines)
    accepted = json.loads(shell(upload, tmp_path))
    promised = re.search(r"# 202 (\{.*)", TEXT[README])
    assert promised
    assert set(re.findall(r'"(\w+)":', promised[1])) <= set(accepted)
    assert (accepted["message"], accepted["total_images"]) == ("File Accepted, Processing Started", 3)
    waited = halve("submit", "products.csv", "--url", server, "--wait", "-o", "output.csv", cwd=tmp_path)
    assert waited.code == 0, waited
    assert len(rows_of(tmp_path / "output.csv")) == 2
    standing: dict[str, Any] = {}
    while not standing.get("output_csv_url"):
        standing = json.loads(shell(status.replace("REQUEST_ID", accepted["request_id"]), tmp_path))
    shell(download.replace("REQUEST_ID", accepted["request_id"]), tmp_path)
    assert len([path for path in tmp_path.glob("*.csv") if "Output Image Urls" in path.read_text()]) == 2


def shell(line: str, cwd: Path) -> str:
    done = subprocess.run(["bash", "-c", line], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_readme_start(tmp_path: Path) -> None:
    """Each `halve …` of its shell blocks is one that the command line takes; what it does is tested elsewhere."""
    lines = [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("halve ")]
    assert lines
    for line in lines:
        name = line.split()[1]
        done = subprocess.run(
            [*COMMAND, name, "--help"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, line
