# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: demo test test-long lint format pages clean

demo: $(VENV)/.users
	@tools/system-packages run || echo "Going on without it: the demo shows what it can."
	@$(BIN)/python -m bpfc_cli.demo

test: $(VENV)/.developers
	tools/system-packages run test
	$(BIN)/python -m pytest

# The same tests with bigger counts: half an hour rather than minutes.
test-long: $(VENV)/.developers
	tools/system-packages run test
	$(BIN)/python -m pytest --long

lint: $(VENV)/.developers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.developers
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# What documentation says of data (grammar, diagnostics) is made from the data.
pages: $(VENV)/.developers
	$(BIN)/python -m tests.docs.generated

# Installed again only when what is to be installed has changed.
$(VENV)/.users: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[cli,compiler]'
	@touch $@

$(VENV)/.developers: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.users

$(BIN)/python:
	@tools/system-packages python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "bpfc needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
