# make run · make test · make test-environments · make lint · make bench — each makes .venv first where it is missing
PYTHON ?= python3
VENV ?= .venv
CORES ?= all
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
export PYTHONNOUSERSITE := 1

.PHONY: run test test-environments lint bench clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	snakemake --cores $(CORES)
	@echo "report: $(CURDIR)/results/report.html"

test: $(VENV)/.installed
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not environment"

test-environments: $(VENV)/.installed
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m environment

lint: $(VENV)/.installed
	ruff format --check .
	ruff check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint
	$(if $(BAD_VERSIONS),python tests/audit.py constraints.txt $(BAD_VERSIONS))

bench: $(VENV)/.installed
	python -m benchmarks

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("danq needs Python 3.11 or newer, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,slurm]"
	@touch $@

clean:
	rm -rf $(VENV) results .snakemake
