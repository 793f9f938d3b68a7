# Two commands do all the set-up:
#   make demo    analyzes the sample frames and says where the pictures are
#   make test    runs all tests
#
# PYTHON       an interpreter of version 3.10 to 3.13 (default: python3)
# TORCH_INDEX  another package index for torch and torchvision, for instance a CPU-only one; all else comes from pip's usual index

PYTHON ?= python3
TORCH_INDEX ?=
VENV ?= .venv
SAMPLES := BreastMassXAI/Resources/SampleData
RESULTS ?= demo-results
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: demo test lint docs benchmark benchmark-peers clean

demo: $(VENV)/.installed
	@for name in benign malignant; do \
	  for kind in png dcm; do \
	    case $$kind in png) size="--spacing `cat $(SAMPLES)/$${name}_spacing_mm.txt`";; *) size="";; esac; \
	    echo; echo "== $$name mass, $$name.$$kind"; \
	    $(BIN)/breast-mass-xai analyze $(SAMPLES)/$$name.$$kind --mask $(SAMPLES)/$${name}_mask.png $$size --out $(RESULTS)/$$name-$$kind --force || exit $$?; \
	  done; \
	done
	@echo; echo "Pictures:"; ls $(RESULTS)/*/figure.png

test: $(VENV)/.installed
	$(BIN)/python -m pytest

lint: $(VENV)/.installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: $(VENV)/.installed
	$(BIN)/python -m BreastMassXAILib.commands.reference > docs/reference/commands.md

benchmark: $(VENV)/.installed
	$(BIN)/python Testing/benchmarks/benchmark_analyze.py

# Other libraries' maps beside ours, in an environment of their own.
benchmark-peers:
	$(MAKE) --no-print-directory VENV=.venv-peers .venv-peers/.peers
	.venv-peers/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python Testing/benchmarks/benchmark_peers.py

.venv-peers/.peers: .venv-peers/.installed
	$(BIN)/python -m pip install --quiet --editable ".[peers]"
	@touch $@

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.10 to 3.13 is needed (Slicer's libraries come for these): make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --quiet --index-url $(TORCH_INDEX) torch torchvision
endif
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

clean:
	rm -rf $(VENV) .venv-peers $(RESULTS)
