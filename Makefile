# Everything from a fresh clone: `make demo`, `make test`. Needs Python 3.11 or newer; a C++ compiler makes it faster.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS ?= runs
ARGS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test doctest lint format docs tables bench-env kernels clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/.stamp-base ## fit both example tables and print the laws
	@$(call fit,planets,period_years,semi_major_axis_au)
	@$(call fit,alpha_decay,log10_half_life_s,protons$(comma)q_alpha_mev)

test: $(VENV)/.stamp-dev ## run every test and every docstring example (ARGS="-k splines" for some)
	$(ONE_THREAD) $(BIN)/python -m pytest $(ARGS)

doctest: $(VENV)/.stamp-dev ## run the docstring examples alone
	$(ONE_THREAD) $(BIN)/python -m pytest src $(ARGS)

lint: $(VENV)/.stamp-dev ## check style, format, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.stamp-dev ## write the format that lint asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.stamp-dev ## build the manual into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

tables: $(VENV)/.stamp-base ## rebuild the example tables from the published numbers
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps mendeleev==1.3.0
	$(BIN)/python examples/data/make_tables.py

bench-env: $(VENV)/.stamp-base ## install the peers that benchmarks/ compares with
	$(PIP) -e ".[bench]"

kernels: $(VENV)/.stamp-base ## compile the C++ kernels again, in place
	$(BIN)/python setup.py --quiet build_ext --inplace

clean: ## remove what was built; keep runs and results
	rm -rf $(VENV)/.stamp-* build dist src/edgewise/kernels/*.so site src/*.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# One thread per process: the same sums in the same order on every machine, and no fight over few cores.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

comma := ,
# $(call fit,TABLE,TARGET,FEATURES)
define fit
	echo "== $(1): what is the law of $(2)?"; \
	rm -rf $(RUNS)/$(1) && mkdir -p $(RUNS) && \
	$(BIN)/edgewise fit examples/data/$(1).csv --target $(2) --features $(3) --out $(RUNS)/$(1) && \
	echo "The picture and the page are in $(RUNS)/$(1)" && echo
endef

$(VENV)/.stamp-base: pyproject.toml constraints.txt setup.py $(wildcard src/edgewise/kernels/*.cpp src/edgewise/kernels/*.h)
	@command -v $(PYTHON) >/dev/null || $(call refuse,no '$(PYTHON)' found)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(call refuse,$$($(PYTHON) --version) found)
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-base
	$(PIP) -e ".[test,dev,docs]"
	@touch $@

# $(call refuse,WHAT CAME)
refuse = { echo "edgewise: $(1), Python 3.11 or newer is needed; try: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
