# Everything a bare machine with Python 3.11 needs. `make help` lists the targets.

# The first Python that is new enough and can make virtual environments; `make PYTHON=…` overrides.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
  "$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; \
  done)
VENV := .venv
BIN := $(VENV)/bin
# One more than the cores of a small machine: many tests wait for a server, a browser or a process.
JOBS ?= 3
# A bare invocation must not depend on who set what for pytest elsewhere. Byte code is kept: the tests start hundreds of
# processes, and without it each compiles all of t3lens again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -p no:cacheprovider -n $(JOBS) --dist loadfile -q

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types layers tests browser samples bench docs picture notebooks clean

help:  ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(VENV)/.installed  ## Make the virtual environment and install t3lens with its test tools.

$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || test -x $(BIN)/python || { echo "t3lens needs Python 3.11 or newer with venv" \
	  "(on Debian: apt-get install python3 python3-venv); or say make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: setup  ## A simulated home with trouble in it: overview, findings, timeline and report in ./demo.
	$(BIN)/t3lens demo --no-browser --folder demo

test: setup browser lint types layers tests  ## Everything that must hold: style, types, layers, tests.

lint: setup  ## Style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## Types, strictly.
	$(BIN)/mypy --strict t3lens

layers: setup  ## Which room may import which.
	$(BIN)/lint-imports

tests: setup  ## The tests alone; ARGS="tests/cli -k audit" picks.
	$(PYTEST) $(ARGS)

browser:  ## Chromium for the browser tests; installed if that is possible.
	@sh tools/debian.sh "browser tests" "chromium chromium-browser google-chrome" chromium fonts-dejavu-core

samples: setup  ## Rebuild sample_logs byte for byte.
	$(BIN)/python -m t3lens.sim samples sample_logs

bench: setup  ## Measure; prints figures, judges nothing. jq is one of the others, installed if that is possible.
	@sh tools/debian.sh "runs of jq" jq jq
	$(BIN)/python -m bench
	$(BIN)/python -m bench.records

docs: setup  ## Write the documents that are made from the code again.
	$(BIN)/python -m t3lens.commands.reference docs

picture: setup browser  ## Draw the README's picture again.
	$(BIN)/python -m tools.picture

notebooks: setup  ## Run the notebooks as CI does; the results stand in artefacts/notebooks.
	$(PYTEST) tests/notebooks

clean:  ## Remove what these targets made, the virtual environment included.
	rm -rf $(VENV) demo artefacts bench-results build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
