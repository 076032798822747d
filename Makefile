# make demo | test | test-all | test-gpu | test-agents | lint | bench: each sets up everything that it needs in .venv

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3
WORKERS ?= $(shell expr $$(nproc) + 1)  # of tests, which often wait
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE # or each of the processes that tests start compiles us anew

.PHONY: demo test test-all test-gpu test-agents lint format bench clean

demo: $(READY)
	rm -rf build/demo
	$(BIN)/overnight demo --into build/demo

test: $(READY)
	$(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal

# With the long form of the cheat suite and of the faults: about three times as long.
test-all: $(READY)
	$(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal -m "not gpu and not agents"

# Needs an NVIDIA GPU, and torch in the interpreter: make test-gpu GPU_PYTHON=/path/to/python
GPU_PYTHON ?= $(BIN)/python
test-gpu:
	PYTHONPATH=packages/overnight/src $(GPU_PYTHON) -m pytest -m gpu packages/overnight/tests
	PYTHONPATH=packages/overnight/src $(GPU_PYTHON) -m pytest packages/overnight/tests/sandbox/test_cgroups.py
	PYTHONPATH=packages/expertswap/src $(GPU_PYTHON) -m pytest -m gpu packages/expertswap/tests

# Those of claude, gemini, opencode, aider and mini that are on PATH; docs/researchers.md has the
# versions that were tried.
test-agents: $(READY)
	$(BIN)/pytest -m agents packages/overnight/tests/researchers packages/overnight/tests/doctor

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy packages
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks
	MYPYPATH=labs/charlm $(BIN)/mypy labs/charlm
	MYPYPATH=labs/nanolm $(BIN)/mypy labs/nanolm
	MYPYPATH=labs/tinymoe:packages/expertswap/src $(BIN)/mypy labs/tinymoe

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python benchmarks/run_all.py

$(READY): constraints.txt requirements-dev.txt packages/overnight/pyproject.toml packages/expertswap/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements-dev.txt --editable packages/overnight --editable packages/expertswap
	touch $(READY)

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache
