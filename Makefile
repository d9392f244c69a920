# Two commands matter: make demo, make test. Both work on a bare machine with Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_ARGS ?=
ROUNDS ?= 20
SEED ?= 1
REPORT ?=
SECONDS_EACH ?= 60
# What this process may use, at most 8: each worker that gets a test of the stack starts one.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))')
export POLARS_MAX_THREADS ?= 1
# A process that starts loads what an earlier one compiled; else every start compiles for 10 CPU s.
unexport PYTHONDONTWRITEBYTECODE
# A file of tests stays on one worker; the order puts the long ones of the real stack first.
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# Compiled loops are kept until their sources change; without this, each worker would compile them.
KERNELS := $(BIN)/python -c 'import importlib, pathlib; \
	[importlib.import_module(".".join(one.with_suffix("").parts)) for one in pathlib.Path("pipeline").glob("*/*kernels.py")]'

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint fmt bench bench-live bench-agents bench-detect bench-rules bench-peers chaos fuzz clean lock

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv, install the locked packages, fetch the Kafka jars
$(READY): requirements/dev.lock requirements/uv.lock pyproject.toml pipeline/local/kafka-jars.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) …"
	@# uv installs ten times faster; where it cannot reach the index as pip is set up to, pip does it.
	@( $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/uv.lock && \
	   $(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python -r requirements/dev.lock ) || \
	   $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@echo "fetching the Kafka jars …"
	@$(BIN)/python -m pipeline.local.jars
	@echo "compiling the kernels …"
	@$(KERNELS)
	@touch $(READY)

demo: $(READY) ## A day of a university through the whole pipeline (DEMO_ARGS=--exit to stop at the end)
	@exec $(BIN)/canvas-telemetry demo $(DEMO_ARGS)

test: $(READY) ## The whole test suite, on a real Kafka and the real ClickHouse engine (WORKERS: a core each)
	@$(KERNELS)
	$(PYTEST)

check: lint ## Format, lint, types, import rules, unit tests
	@$(KERNELS)
	$(PYTEST) tests/unit

lint: $(READY) ## What check does without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(READY) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Rows per second and core of every step, as a table and bench.json
	$(BIN)/python -m bench

bench-live: $(READY) ## Paced load, commit intervals, two workers, latency to ClickHouse
	$(BIN)/python -m bench.live

bench-agents: $(READY) ## Live Events over HTTPS, signed and plain, and over SQS: events per second and core
	$(BIN)/python -m bench.live_events_http
	$(BIN)/python -m bench.live_events_sqs

bench-rules: $(READY) ## The shipped rules on simulated weeks with known attacks: precision, recall, delays
	$(BIN)/python -m bench.detection

bench-detect: $(READY) ## The univariate detector on a folder in NAB's layout: bench-detect DIR=…
	$(BIN)/python -m bench.series $(DIR)

bench-peers: $(READY) ## The same sessions in Kafka Streams, Flink SQL, Bytewax, Faust (needs a JDK 17 and Maven)
	$(BIN)/python -m bench.peers

chaos: $(READY) ## Exactly once under faults: ROUNDS (20), SEED (1), REPORT (a file for the row)
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED) $(if $(REPORT),--report $(REPORT))

fuzz: $(READY) ## Coverage-guided fuzzing of the codecs (Linux), SECONDS_EACH (60) for each
	$(BIN)/python -m tests.fuzz audit_pages --seconds $(SECONDS_EACH)
	$(BIN)/python -m tests.fuzz live_events --seconds $(SECONDS_EACH)
	$(BIN)/python -m tests.fuzz signed_posts --seconds $(SECONDS_EACH)
	$(BIN)/python -m tests.fuzz web_logs --seconds $(SECONDS_EACH)

lock: ## Resolve the dependencies anew into requirements/dev.lock (maintainers; needs uv)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --extra local --extra dap --extra sqs --group dev pyproject.toml -o requirements/dev.lock

clean: ## Remove the environment, caches and local data
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench*.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
