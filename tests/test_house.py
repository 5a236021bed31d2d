"""The house rules that a machine can see to."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MOST_LINES = 400


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_outgrows_one_idea() -> None:
    sizes = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {path: lines for path, lines in sizes.items() if lines > MOST_LINES}


def test_no_file_is_a_drawer_for_everything() -> None:
    assert not [named(path) for path in SOURCES if path.stem in ("utils", "util", "helpers", "common", "misc")]


def test_every_module_says_what_it_is_for() -> None:
    silent = [named(path) for path in SOURCES if path.read_text(encoding="utf-8").strip() and not docstring(path)]
    assert not silent


def docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_nothing_needs_a_newer_python_than_is_promised() -> None:
    for path in SOURCES:
        ast.parse(path.read_text(encoding="utf-8"), filename=named(path), feature_version=(3, 11))


def test_imports_run_one_way() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("start", "heavy"),
    [
        (
            "import sys; sys.argv = ['halve', '--help']; from halve.doors.cli.app import app; app(standalone_mode=False)",
            ("aiohttp", "alembic", "asyncio", "fastapi", "pydantic", "pyvips", "sqlalchemy", "uvicorn", "PIL"),
        ),
        ("import halve.asgi", ("pyvips", "PIL", "pillow_heif", "skimage", "typer")),
        (
            "import halve.doors.cli.course, halve.wiring",
            ("aiohttp", "pyvips", "PIL", "fastapi", "uvicorn", "jinja2", "pydantic", "rich", "sqlalchemy"),
        ),
        (
            "from halve.doors.cli.app import app; app(['run', 'none.csv', '--json'], standalone_mode=False)",
            ("aiohttp", "asyncio", "pydantic", "sqlalchemy"),
        ),
    ],
    ids=["halve --help", "the server", "halve run", "halve run's command line"],
)
def test_what_is_not_needed_is_not_imported(start: str, heavy: tuple[str, ...]) -> None:
    script = f"{start}\nimport sys; print('loaded:', *sorted(set(sys.modules) & {set(heavy)!r}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_every_adapter_of_the_tables_can_be_found() -> None:
    from importlib.util import find_spec

    from halve.backends import IMAGE_SCHEMES, STATE_SCHEMES

    for scheme, (module, _, _) in {**IMAGE_SCHEMES, **STATE_SCHEMES}.items():
        assert find_spec(module) is not None, scheme
