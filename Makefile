# Two commands to know: `make demo` and `make test`. Each sets up what it needs.
VENV := .venv
PY := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.PHONY: help demo test lint
help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(VENV)/.tools: requirements/tools.lock
	@python3 -c 'import sys; sys.exit("secgraph needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(PY) || python3 -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(RUNTIME): $(VENV)/.tools requirements/runtime.lock pyproject.toml
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements/runtime.lock
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.lock
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements/dev.lock
	@touch $@

demo: $(RUNTIME)  ## the main job on sample events, printed
	@$(VENV)/bin/secgraph demo

test: $(DEV) lint  ## lint, types, import contracts and the fast tests
	@$(PY) -m pytest -n 2 -q -m "not e2e and not asset"

lint: $(DEV)  ## ruff, mypy, import contracts
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
.PHONY: lock
lock: $(VENV)/.tools  ## resolve requirements/*.in anew
	@$(COMPILE) requirements/tools.in -o requirements/tools.lock
	@$(COMPILE) -c requirements/tools.lock requirements/dev.in -o requirements/dev.lock
	@$(COMPILE) -c requirements/dev.lock requirements/runtime.in -o requirements/runtime.lock
