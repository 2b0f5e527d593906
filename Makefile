# Everything a developer or a first user types. Needs python3 (3.11 or newer) and make; makes .venv itself.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NEWEST := .venv-newest
SECONDS ?= 600
ROUNDS ?= 3
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
# A complete lock needs no resolver, and the resolver of an old pip fails once something newer than the lock exists.
INSTALL_LOCKED := $(PIP_INSTALL) --require-hashes --no-deps
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
LOCK := $(COMPILE) pyproject.toml --group build
# Settings of this shell or of .env must not reach the tests.
CLEAN_ENV := env -u DATABASE_URL -u JWT_SECRET_KEY -u BETTER_AUTH_SECRET
PYTEST := $(CLEAN_ENV) $(BIN)/pytest
# Each worker goes through files of its own, so that what the tests of a file share is made once, and helps at the end.
TWO := -n 2 --dist worksteal
# Since 3.12 Python itself tells what runs (PEP 669). Before, each line is traced, which doubles the time of a test.
CORE = $(shell $(BIN)/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')

.DEFAULT_GOAL := help
.PHONY: help run check test test-citus quick newest soak bench screenshots lint fmt migrate migration openapi documents lock audit clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## Start the service, with its own PostgreSQL unless DATABASE_URL is set
	@exec $(BIN)/taskward serve

test: lint ## Check everything: lint, types, import order, and the whole test suite on a real PostgreSQL
	COVERAGE_CORE=$(CORE) $(PYTEST) $(TWO) --cov --cov-report=term:skip-covered

check: lint quick ## Check what can be checked in a minute or two, while you work; `make test` is the one check

quick: $(VENV)/dev ## Run the quick tests alone: no processes, no waiting, no browser
	$(PYTEST) $(TWO) -m quick

newest: $(VENV)/dev ## Run the suite against the newest release of everything, in an environment of its own
	rm -rf $(NEWEST)
	$(PYTHON) -m venv $(NEWEST)
	$(BIN)/python -m tests.install.newest $(NEWEST)
	TASKWARD_NEWEST=1 $(CLEAN_ENV) $(NEWEST)/bin/pytest $(TWO) --ignore tests/install

# What does not depend on where rows are, such as the driver, or is of one server, such as migrations, is not run again.
ON_CITUS := tests/tasks tests/accounts tests/model tests/faults tests/cli/test_users.py \
	$(addprefix tests/database/test_,isolation.py lock_order.py transaction.py)

test-citus: $(VENV)/dev ## Run tests of tasks, accounts, histories, faults, isolation on a Citus cluster, in CITUS
	TASKWARD_CITUS=$(CITUS) $(PYTEST) tests/citus
	TASKWARD_CITUS=$(CITUS) TASKWARD_ON_CITUS=1 $(PYTEST) $(TWO) $(ON_CITUS)

soak: $(VENV)/dev ## Run for long what can go on for long: faults, log-ins, then random histories for SECONDS seconds (600)
	TASKWARD_SOAK=1 TASKWARD_SECONDS=$(SECONDS) $(PYTEST) -s -m soak

bench: SECONDS = 3
bench: $(VENV)/dev ## Measure beside the usual stack: ROUNDS rounds (3) of SECONDS seconds (3), ten minutes at most
	@$(CLEAN_ENV) $(BIN)/python -m bench --rounds $(ROUNDS) --seconds $(SECONDS) $(OPTIONS)

screenshots: $(VENV)/dev ## Make the pictures of the documents anew, from a service that runs
	$(CLEAN_ENV) $(BIN)/python -m tests.web.screenshots

lint: $(VENV)/dev ## Check style, types and the order of imports, without running anything
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: $(VENV)/dev ## Format the code, and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

migrate: $(VENV)/run ## Bring the database up to the newest schema (the service does so at its start)
	@$(BIN)/taskward migrate

migration: $(VENV)/dev ## Draft the migration NAME from the models, with a PostgreSQL of its own
	@$(CLEAN_ENV) $(BIN)/python -m tests.database.migration_draft "$(NAME)"

openapi: $(VENV)/dev ## Write the OpenAPI snapshot that the tests hold the service to
	$(BIN)/python -m tests.openapi_snapshot

documents: $(VENV)/dev ## Write the parts of documents that come from the code: settings, errors, operations, commands
	$(BIN)/python -m tests.docs.generated

lock: $(VENV)/dev ## Pin the newest dependencies that `pyproject.toml` allows, with hashes
	$(BIN)/$(LOCK) --upgrade --output-file requirements.lock
	$(BIN)/$(LOCK) --upgrade --extra embedded --constraint requirements.lock --output-file requirements-embedded.lock
	$(BIN)/$(LOCK) --upgrade --all-extras --constraint requirements-embedded.lock --output-file requirements-extras.lock
	$(BIN)/$(LOCK) --upgrade --all-extras --group dev --constraint requirements-extras.lock --output-file requirements-dev.lock
	$(BIN)/$(COMPILE) --upgrade --group clients --output-file tests/clients/requirements.lock

audit: $(VENV)/dev ## Ask the package index for known vulnerabilities of the locked dependencies
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-extras.lock

clean: ## Remove what the commands above made, but no data
	rm -rf .venv* .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Taskward needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/pip requirements-embedded.lock pyproject.toml
	@echo "Installing into $(VENV) (once, and after each change of the lock file) ..."
	@$(INSTALL_LOCKED) -r requirements-embedded.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/pip --disable-pip-version-check check
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	@$(INSTALL_LOCKED) -r requirements-dev.lock
	@$(BIN)/pip --disable-pip-version-check check
	@touch $@
