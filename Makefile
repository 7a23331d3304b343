# Needs make and Python 3.11 to 3.14, nothing else. `make help` lists the targets.
# PYTHON=python3.12 picks the interpreter, VENV=path the environment, ARGS="..." adds arguments to demo, test or bench.

VENV ?= .venv
ARGS ?=
PACKAGES := market fields risk strategies execution backtest adapters actors cluster serve tuning
SOURCES := $(PACKAGES) tests benchmarks examples
BIN := $(VENV)/bin

# An interpreter counts only if it starts, is new enough and can make an environment (Debian splits ensurepip off).
USABLE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$name" -c '$(USABLE)' >/dev/null 2>&1 && { echo "$$name"; break; }; done)
endif

# An environment is current while the files that define it are unchanged; a second run then costs nothing.
DEFINED_BY := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
CORE := $(VENV)/.hedgefield-core-$(DEFINED_BY)
DEV := $(VENV)/.hedgefield-dev-$(DEFINED_BY)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Threads that busy-wait at OpenMP barriers starve a small machine; it must be set before the first import.
export OMP_WAIT_POLICY := PASSIVE

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs format clean clean-all venv style types layers docstrings secrets packaging

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

demo: $(CORE) ## set up, then run the live desk on a simulated market; Ctrl-C stops it
	@exec $(BIN)/hedgefield up $(ARGS)

test: $(DEV) ## set up, then run every test; skipped ones say why
	@$(BIN)/python -m pytest -rs $(ARGS)

check: style types layers docstrings secrets docs packaging ## run every static check, the docs build and the packaging tests

bench: $(DEV) ## time the hot paths and print the table of docs/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## build the documentation into site/; a warning is an error
	@$(BIN)/zensical build --clean --strict

format: $(DEV) ## format the sources and apply the safe fixes
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

clean: ## remove what was built and cached; keeps the environment and var/
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(SOURCES) -type d -name __pycache__ -prune -exec rm -rf {} +

clean-all: clean ## clean, and remove the environment too
	@rm -rf $(VENV)

venv: $(DEV) ## set up the environment of the developers
	@echo "$(VENV) is ready"

style: $(DEV)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)

types: $(DEV)
	@$(BIN)/mypy

layers: $(DEV)
	@$(BIN)/lint-imports

docstrings: $(DEV)
	@find $(PACKAGES) -name '*.py' -exec $(BIN)/python -m numpydoc lint {} +
	@echo "numpydoc: every docstring is complete"

secrets: $(DEV)
	@git ls-files -z --cached --others --exclude-standard | xargs -0 $(BIN)/detect-secrets-hook --no-verify --baseline .secrets.baseline
	@echo "detect-secrets: nothing that looks like a secret"

packaging: $(DEV)
	@$(BIN)/python -m pytest -q tests/test_packaging.py tests/test_style_budgets.py

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Hedgefield needs Python 3.11 to 3.14 with the venv module; found none." >&2; \
		echo "Install one (Debian: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c '$(USABLE)' || { echo "$(PYTHON) is not Python 3.11 to 3.14 with the venv module." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@"$(PYTHON)" -m venv $(VENV)

$(CORE): | $(BIN)/python
	@echo "Installing Hedgefield and what it runs on; the first time takes a few minutes"
	@$(INSTALL) --editable .
	@rm -f $(VENV)/.hedgefield-core-*
	@touch $@

$(DEV): | $(BIN)/python
	@echo "Installing Hedgefield with its development tools; the first time takes a few minutes"
	@$(INSTALL) --editable '.[dev]'
	@rm -f $(VENV)/.hedgefield-core-* $(VENV)/.hedgefield-dev-*
	@touch $(CORE) $@
