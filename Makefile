# Every target sets up .venv by itself, once; it is set up again when pyproject.toml or constraints.txt change.
# `make PYTHON=python3.12 test` uses another interpreter, `make PRESET=cpu leaderboard` another preset. That target runs
# as many models side by side as there are cores; `make JOBS=1 leaderboard` runs one at a time.

PYTHON ?= python3
PRESET ?= quick
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
BIN := .venv/bin
READY := .venv/.ready

# The tests share the cores between processes, so that each process keeps to one.
ONE_CORE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
TEST := $(ONE_CORE) $(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help leaderboard site check-rows test test-all test-oldest fuzz lint bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

leaderboard: $(READY) ## run what is missing of the quick preset, write leaderboards/ and show the table
	$(BIN)/stbench leaderboard --run-missing --preset $(PRESET) --jobs $(JOBS)

# From records alone: what lies under runs/ enters by `make leaderboard`.
site: $(READY) ## the web page of the leaderboards and the documentation, in site/
	rm -rf site
	$(BIN)/mkdocs build --strict --quiet --site-dir site/docs
	cp -r leaderboards site/leaderboards
	rm -rf site/leaderboards/index.html site/leaderboards/pages
	$(BIN)/stbench leaderboard --runs site/no-runs --out site/leaderboards --page site/index.html --pictures site/docs/images --preset $(PRESET) > site/leaderboards/overview.txt
	@echo site/index.html

# CHECK holds options of `stbench leaderboard --check`. Where a forge asks for a summary of the job, it gets one.
check-rows: $(READY) ## check published records against their data and against themselves
	@$(BIN)/stbench leaderboard --check $(CHECK) > .venv/rows.md; status=$$?; cat .venv/rows.md; \
	if [ -n "$$GITHUB_STEP_SUMMARY" ]; then cat .venv/rows.md >> "$$GITHUB_STEP_SUMMARY"; fi; exit $$status

test: $(READY) ## the fast tests
	$(TEST) -m "not slow"

test-all: $(READY) ## every test
	$(TEST)

# An environment of its own, made again each time: it holds the lower bounds of pyproject.toml, and no pins.
test-oldest: $(READY) ## the fast tests with the oldest version of every requirement
	rm -rf .venv/oldest
	$(BIN)/uv venv --quiet --python $(BIN)/python .venv/oldest
	$(BIN)/uv pip install --quiet --python .venv/oldest/bin/python --resolution lowest-direct -e '.[torch,dev]'
	$(subst $(BIN)/pytest,.venv/oldest/bin/pytest,$(TEST)) -m "not slow"

# Seeded; findings stand in .fuzz/findings.jsonl, and each says how it is repeated (tests/fuzz/campaign.py).
fuzz: $(READY) ## damage raw files, stores, checkpoints and records in 8,200 ways: an hour at most
	$(ONE_CORE) $(BIN)/python tests/fuzz/campaign.py

# import-linter reads the package as it is shipped, because two of its folders live elsewhere in the source tree.
lint: $(READY) ## style, types, import contracts, published tables, links of the documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	rm -rf .venv/shipped
	$(BIN)/python setup.py -q build --build-base .venv/shipped/build build_py --build-lib .venv/shipped
	cd .venv/shipped && ../bin/lint-imports --config ../../pyproject.toml
	$(BIN)/python docs/make_published_tables.py --check
	$(BIN)/mkdocs build --strict --quiet --site-dir .venv/shipped/site

# Left out: gpu.py is for a machine with a card, wave_solver.py needs a store and writes the tracked solver_cost.csv.
BENCHMARKS := $(filter-out benchmarks/gpu.py benchmarks/wave_solver.py, $(sort $(wildcard benchmarks/*.py)))

bench: $(READY) ## time making datasets, loading and scoring
	@for each in $(BENCHMARKS); do echo "== $$each"; $(BIN)/python $$each || exit 1; done

clean: ## remove .venv, caches and built pages; runs/, leaderboards/ and generated stores stay
	rm -rf .venv .fuzz build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find stbench generators baselines tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@echo "setting up .venv (once; torch is large, this takes some minutes)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[torch,dev,docs]'
	@touch $@
