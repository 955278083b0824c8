# make book    set everything up and build the book
# make test    set everything up and run every test, on up to four cores
# make lab     open the notebooks in JupyterLab
# make bench   measure what the project promises, side by side: NAMES="corpora players" for some, NAMES=--full for the slow ones too
# make setups  try the package on other Pythons, without torch, and in awkward places (half an hour)
# make judges  train every judge that ships anew, and put it into the package (hours)
# make style   format the code, and say what ruff does not like in it
# make clean   remove what was built (make distclean: the virtual environment too)

PYTHON ?= python3
VENV ?= .venv
# Which torch to install where none is. On Linux, pip's own choice brings 2.5 GB of CUDA: see "What torch costs" in the README.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
# What installs the packages: pip, or what is quicker, such as INSTALL="uv pip install". Where that fails, pip is asked.
INSTALL ?= $(BIN)/python -m pip install
# Large pages for large arrays, where Linux has them to give: pages that train took a tenth to a fifth less time.
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
READY := $(VENV)/.ready

.PHONY: help setup book test lab bench setups judges style address clean distclean

help:
	@sed -n 's/^# //p' Makefile

setup: $(READY)

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet $(TORCH)
	$(INSTALL) --quiet -c constraints.txt -r requirements.txt || $(BIN)/python -m pip install --quiet -c constraints.txt -r requirements.txt
	@rm -rf build # of another day: an installation would ship what is no longer there
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
	$(BIN)/python -m benchmarks $(NAMES)

setups: $(READY)
	$(BIN)/python -m benchmarks.setups $(NAMES)

# each paper trains its judges on songs that none of its models learns from
EVIDENCE := $(BIN)/python -m fusiontools.papers
judges: $(READY)
	for data in essen_ryan weimar_essen; do $(EVIDENCE).fusiongan.evidence.experiment --data $$data --out runs/judges/$$data --only judges || exit 1; done
	$(EVIDENCE).connective_fusion.evidence.experiment --data fiddle_pop909 --out runs/judges/connective --only judges
	for data in chorales_fiddle classical_metal; do $(EVIDENCE).domain_transfer.evidence.experiment --data $$data --out runs/judges/$$data --only judges && cp runs/judges/$$data/runs/lines.safetensors fusiontools/pretrained/lines_$$data.safetensors || exit 1; done
	for data in instruments gtzan; do $(EVIDENCE).audio_style.evidence.genres --data $$data --out runs/judges/$$data && $(EVIDENCE).audio_style.evidence.genres --out runs/judges/$$data --ship || exit 1; done
	cp runs/judges/*/runs/genre_*.safetensors runs/judges/connective/runs/judges/* fusiontools/pretrained/

style: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make address URL=https://github.com/you/your-fork   point every Colab and download link at another repository
address: $(READY)
	$(BIN)/python book/address.py $(URL)

clean:
	rm -rf book/_build .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean # only the folder that these rules made
	test ! -e $(READY) || rm -rf $(VENV)
