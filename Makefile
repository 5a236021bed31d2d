# Each of these works by itself on a fresh clone: the environment is made first where it is not there yet.
# Wanted on the machine: Python 3.11 or newer with venv (or uv), make, a shell. A C compiler makes it faster and is optional.
#
#   make demo     a dozen photographs through the real thing     make test    every test
#   make check    style, types, the one-way rule, documents      make bench   measured beside others, with plots
#   make docs     write the generated parts of the documents     make torture long tests that break things on purpose

SHELL := /bin/sh
BIN := .venv/bin
SOURCES := uv.lock pyproject.toml $(wildcard setup.py) $(wildcard src/halve/codec/native/c/*.c src/halve/codec/native/c/*.h)
ARGS ?=

# Nothing is compiled twice, whatever the caller's taste.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check format bench docs torture clean

demo: .venv/.made-run
	$(BIN)/halve demo -o demo-output $(ARGS)

test: .venv/.made-dev
	$(BIN)/python -m pytest -n logical --maxprocesses 8 $(ARGS)

check: .venv/.made-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_house.py

format: .venv/.made-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.made-dev
	$(BIN)/python -m halve.doors.cli.settings_table README.md
	$(BIN)/python -m halve.doors.cli.command_pages docs/commands.md

bench: .venv/.made-bench
	$(BIN)/python -m bench $(ARGS)

torture: .venv/.made-dev
	$(BIN)/python -m pytest -m torture $(ARGS)

clean:
	rm -rf .venv .tools build demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.made-%: tools/environment $(SOURCES)
	sh tools/environment $*
