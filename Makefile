# Each target does all of its own set-up. Everything stays in this folder, CANDLEWICK_HOME and the cache
# folder of the user.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
BIN := .venv/bin
PACKAGES := .venv/.packages
FRONT := web/front
NODE_MODULES := $(FRONT)/node_modules/.packages
PAGE := $(FRONT)/dist/index.html
# What Vite needs; without it on the machine, Node comes as a Python package.
NODE_IS_NEW_ENOUGH = node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null

# A line that counts, in place of pip's hundreds.
SHOW_PROGRESS = { total=$$(grep -c == requirements.lock); n=0; while read -r word name _; do case $$word in \
	Collecting) n=$$((n + 1)); printf '\r\033[KPython packages: %d of %d, %s' $$n $$total "$$name";; \
	Installing) printf '\r\033[KPython packages: installing %d' $$n;; esac; done; \
	printf '\r\033[KPython packages: %d in place\n' $$total; }

NPM = PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(FRONT)
# Two processes: the one with the shared platform waits much, the other one has the rest.
SIDE_BY_SIDE := -n 2
FIRST_TESTS := build/tests.log

.PHONY: help setup up demo test test-full lint bench lambda-zip

help:
	@echo "make setup      environment and servers, nothing started"
	@echo "make up         start the platform; Ctrl-C stops it"
	@echo "make demo       the same with simulated venues: no network, no accounts"
	@echo "make test       all tests but the long matrices"
	@echo "make test-full  all tests"
	@echo "make lint       style and types"
	@echo "make bench      all benchmarks, each beside its limit"
	@echo "make lambda-zip the AWS Lambda's package, build/lambda.zip: docs/aws.md"

# What was interrupted has no stamp and is begun again; pip keeps what it has downloaded.
$(PACKAGES): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: install Python 3.11, or name it: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11" >&2; exit 2; }
	@test -x $(BIN)/pip || { echo "making the environment .venv"; $(PYTHON) -m venv --clear .venv; }
	@$(BIN)/pip install --disable-pip-version-check --no-deps --require-hashes -r requirements.lock | $(SHOW_PROGRESS)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(NODE_MODULES): $(FRONT)/package.json $(FRONT)/package-lock.json $(FRONT)/node.lock | $(PACKAGES)
	@$(NODE_IS_NEW_ENOUGH) || { echo "Node.js: from its Python package"; \
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(FRONT)/node.lock; }
	@echo "page: packages"
	@$(NPM) ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(PAGE): $(NODE_MODULES) $(FRONT)/index.html $(FRONT)/vite.config.ts $(shell find $(FRONT)/src $(FRONT)/public -type f)
	@echo "page: building"
	@$(NPM) run build --silent -- --logLevel=warn
	@touch $@

setup: $(PACKAGES) $(PAGE)
	@$(BIN)/python -m candlewick.local

up: setup
	@exec $(BIN)/candlewick up

demo: setup
	@exec $(BIN)/candlewick up --demo

test: WHICH := not full and
# What failed in the first of them stands at the end once more, where whoever reads only the end finds it.
test test-full: setup
	@mkdir -p build
	@$(NPM) test --silent; page=$$?; \
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "$(WHICH) not alone" | tee $(FIRST_TESTS); first=$$?; \
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "$(WHICH) alone"; last=$$?; \
	test $$page = 0 || echo "The page's tests failed: their output stands at the top."; \
	test $$first = 0 || { echo "Of the tests before these, all of it in $(FIRST_TESTS):"; \
	grep -E '^(Using --randomly-seed|E  |FAILED |ERROR )' $(FIRST_TESTS) | tail -n 40; }; \
	exit $$((page | first | last))

lint: $(PACKAGES) $(NODE_MODULES)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(NPM) run lint --silent

bench: setup
	@exec $(BIN)/python -m benchmarks

lambda-zip: $(PACKAGES)
	@$(BIN)/python lambda/build.py build/lambda.zip
