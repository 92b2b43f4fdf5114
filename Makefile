# Everything sets itself up: Python 3.11 or later is enough to begin with.
#
#   make demo    set up what the demo needs, then one minute of load and its verdict; with
#                ARGS='--serve' platform and twin stay up, ARGS='--target inline' runs without twin
#   make test    set up everything, then every check: style, types, layers, tests, documents
#
# Set-up goes into .venv and is skipped when it is up to date.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check-format types layers unit bench docs serve-docs constraints clean distclean

VENV := .venv
BIN := $(VENV)/bin
SETUP := scripts/setup.sh
INPUTS := pyproject.toml constraints.txt $(SETUP) scripts/find_python.sh scripts/system_packages.sh

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.ready-demo: $(INPUTS)
	@$(SETUP) demo

$(VENV)/.ready-all: $(INPUTS)
	@$(SETUP) all

setup: $(VENV)/.ready-all  ## Set up everything, tests and documents included, into .venv

demo: $(VENV)/.ready-demo  ## One minute of load on the platform on its twin, with verdict and report
	@$(BIN)/squall demo $(ARGS)

lint: check-format types layers  ## Style, types and layers

check-format: $(VENV)/.ready-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-all
	$(BIN)/mypy

layers: $(VENV)/.ready-all
	$(BIN)/lint-imports

unit: $(VENV)/.ready-all  ## The tests alone
	$(BIN)/pytest

test: lint unit docs  ## Every check there is

docs: $(VENV)/.ready-all  ## Build the documents into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

serve-docs: $(VENV)/.ready-all  ## Show the documents on http://127.0.0.1:8000 while writing them
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: $(VENV)/.ready-all  ## Measure speed, accuracy and memory; takes an hour or so on two cores
	$(BIN)/python -m benchmarks

constraints: $(VENV)/.ready-all  ## Write the versions in .venv to constraints.txt
	@scripts/write_constraints.sh

clean:  ## Remove what was built and cached, but keep .venv
	rm -rf site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## Remove the virtual environments as well
	rm -rf $(VENV) .venv-foreign src/*.egg-info
