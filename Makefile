# The same commands that CI calls. Nothing but Python (>= 3.10) and make is needed before: the first target makes .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Containers often forbid Python to keep compiled modules; tests start many Pythons.
export PYTHONDONTWRITEBYTECODE :=
EXTRAS ?= dev,onnx,openvino,sweep,ray
# Up to four processes, each computing with one thread.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: help install check test test-slow bench quickstart dist docs clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

$(BIN)/.installed: setup.py pyproject.toml
	@echo "installing into $(VENV) (a few minutes, about 7 GB with torch's CUDA build) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --no-compile 'numpy>=1.26' 'numba>=0.60'  # which is all that the kernels need:
	nice $(BIN)/python -m bytetrack.tracking >/dev/null 2>&1 & $(BIN)/python -m pip install --quiet --no-compile -e '.[$(EXTRAS)]' && wait
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib >/dev/null 2>&1 || true  # on all cores, where pip takes one; templates do not compile
	$(BIN)/python -m bytetrack.tracking  # says that they are there, or compiles what another numpy or numba asks for
	@touch $@

install: $(BIN)/.installed  ## make .venv, install the package into it, compile the tracking kernels

check: $(BIN)/.installed  ## lint, format, types (about a minute)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(BIN)/.installed  ## the fast tests (3 to 5 minutes on two cores)
	$(PYTEST) --numprocesses logical --maxprocesses 4 --dist worksteal

# One process more than cores, as some tests wait; a test at a time, as they are long.
test-slow: $(BIN)/.installed  ## the slow tests: fuzzing, training, kills, browsers (10 to 20 minutes on two cores)
	$(PYTEST) --numprocesses $$($(BIN)/python -c 'import os; print(min(4, os.cpu_count() or 1) + 1)') --dist load --maxschedchunk 1 -m slow

$(BIN)/.bench-installed: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet -e '.[$(EXTRAS),bench]' || echo "some benchmark peers did not install: the table says which are missing"
	@touch $@

bench: $(BIN)/.bench-installed  ## speed of association beside other trackers, as ratios
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/association.py --quick

quickstart: $(BIN)/.installed  ## the main job on generated scenes: train, detect, track, score, report, video
	$(BIN)/python tools/quickstart.py

# An environment of its own, too: what uploads needs is no business of .venv's.
$(VENV)-dist/.installed: setup.py
	test -x $(VENV)-dist/bin/python || $(PYTHON) -m venv $(VENV)-dist
	$(VENV)-dist/bin/python -m pip install --quiet 'build>=1.2' 'twine>=6.1'
	@touch $@

dist: $(VENV)-dist/.installed  ## source distribution and wheel into dist/, checked as an index checks them
	rm -rf dist
	$(VENV)-dist/bin/python -m build --quiet
	$(VENV)-dist/bin/twine check --strict dist/*

# An environment of its own: the yolox package registers an mkdocstrings extension that it does not ship.
$(VENV)-docs/.installed: docs/requirements.txt
	test -x $(VENV)-docs/bin/python || $(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet -r docs/requirements.txt
	@touch $@

docs: $(VENV)-docs/.installed  ## the documentation site, into site/; a warning fails it
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict --quiet

clean:  ## remove the environment and caches (never datasets or runs)
	rm -rf $(VENV) $(VENV)-dist $(VENV)-docs site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
