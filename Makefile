# make book    set everything up and build the book
# make test    set everything up and run every test, on up to four cores
# make lab     open the notebooks in JupyterLab
# make bench   measure what the project promises, side by side
# make style   format the code, and say what ruff does not like in it
# make clean   remove what was built (make distclean: the virtual environment too)

PYTHON ?= python3
VENV ?= .venv
# Which torch to install where none is. On Linux, pip's own choice brings 2.5 GB of CUDA: see "What torch costs" in the README.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup book test lab bench style address clean distclean

help:
	@sed -n 's/^# //p' Makefile

setup: $(READY)

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -c constraints.txt -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . || $(BIN)/python -m pip install --quiet --no-deps -e .
	@$(BIN)/python -m pip install --quiet --no-deps tinysoundfont==0.3.7 || echo "tinysoundfont is not to be had for this Python: the project's own synthesiser plays instead"
	@touch $(READY)

book: $(READY)
	$(BIN)/python book/build.py

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 4

lab: $(READY)
	$(BIN)/jupyter lab notebooks

bench: $(READY)
	$(BIN)/python -m benchmarks

style: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make address URL=https://github.com/you/your-fork   point every Colab and download link at another repository
address: $(READY)
	$(BIN)/python book/address.py $(URL)

clean:
	rm -rf book/_build .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean # only the folder that these rules made
	test ! -e $(READY) || rm -rf $(VENV)
