# Needs Python >= 3.11, make and git. Another interpreter: make PYTHON=python3.12 …

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
COMPILE := "$(UV)" pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11
SEEDED := $(VENV)/.uv
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

# Trust whom this machine trusts: an organisation's proxy has a certificate of its own.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(DEV) ## Make .venv with everything that running and testing need

.PHONY: demo
demo: $(RUN) ## Run a whole campaign against simulated phones (KEEP=1 leaves it running)
	$(BIN)/ghanti demo $(if $(KEEP),--keep)

.PHONY: run
run: $(RUN) ## Serve on http://127.0.0.1:8000 with the data in ./data
	$(BIN)/ghanti serve

# In the order of the folders: by number of tests, the few slow ones that start whole servers would all come last.
.PHONY: test
test: $(DEV) ## Run every test whose peers this machine has
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: check
check: $(DEV) ## Format, lint, types and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	CI= $(BIN)/pytest -q -m "not peers and not chaos"

.PHONY: bench
bench: $(DEV) ## Measure; each script prints its figures and their ratio to an anchor
	set -e; for script in bench/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

.PHONY: soak
soak: $(DEV) ## Run the demo over and over for SOAK_MINUTES (60), to find what leaks or hangs
	scripts/soak $(or $(SOAK_MINUTES),60)

.PHONY: peers
peers: ## Install the test peers, as root: SIPp, Kamailio, and an SMSC from npm
	scripts/peers

.PHONY: format
format: $(DEV) ## Format the code and put imports in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only -q .

.PHONY: lock
lock: $(SEEDED) ## Compile requirements/*.lock anew from pyproject.toml
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.lock
	$(COMPILE) -c requirements/bootstrap.lock pyproject.toml --extra simulator -o requirements/run.lock
	$(COMPILE) -c requirements/bootstrap.lock pyproject.toml --extra simulator --extra transcribe --group dev \
		-o requirements/dev.lock

.PHONY: clean
clean: ## Remove .venv and what the tools cache; the data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(SEEDED): requirements/bootstrap.lock
	@PYTHON="$(PYTHON)" scripts/seed "$(UV)"
	@touch $@

# One environment serves both: what running needs is a part of what testing needs.
$(RUN): $(SEEDED) requirements/run.lock pyproject.toml
	@if test -e $(DEV); then $(MAKE) --no-print-directory $(DEV); else scripts/sync "$(UV)" requirements/run.lock; fi
	@touch $@

$(DEV): $(SEEDED) requirements/dev.lock pyproject.toml
	@scripts/sync "$(UV)" requirements/dev.lock
	@touch $@
