# The five things one does here. `make demo` and `make test` need only Python 3.11, make and git.
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= auto

.PHONY: demo test test-ib-async test-longbridge quick lint bench mutants lock clean

demo: $(VENV)/installed ## install, then run the daemon on paper through ten sessions; PRICES=file uses your own
	@$(BIN)/bellwether demo $(if $(PRICES),--prices "$(PRICES)",)

# What may not have an untested branch: the pure part, the run, the memory.
WHOLE = bot/domain/*,bot/run.py,bot/decide.py,bot/gather.py,bot/execution.py,bot/ladder.py,bot/conclude.py,bot/ledger*.py

test: $(VENV)/installed ## install, then run every test; the load-bearing rooms must be covered whole
	$(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-branch --cov-report=
	@$(BIN)/coverage report --include="$(WHOLE)" --fail-under=100 --show-missing > $(VENV)/coverage.txt || { cat $(VENV)/coverage.txt; exit 1; }

# One environment has one of the two libraries of Interactive Brokers: they overwrite each other.
IB_ASYNC ?= .venv-ib-async
OF_IBKR = tests/adapters/test_ibkr_*.py tests/adapters/sims/test_tws_*.py tests/adapters/test_broker_contract.py

test-ib-async: $(IB_ASYNC)/installed ## what touches Interactive Brokers, on the other of its libraries, in an environment of its own
	@$(IB_ASYNC)/bin/python -c "from adapters.ibkr_sdk import library; assert library.__name__ == 'ib_async', library"
	$(IB_ASYNC)/bin/pytest -n $(JOBS) -p no:cacheprovider -k "ibkr or tws" $(OF_IBKR)

# LongBridge's library runs in a process of its own, whose interpreter needs nothing else.
LONGBRIDGE ?= .venv-longbridge
OF_LONGBRIDGE = tests/adapters/test_longport*.py tests/adapters/sims/test_longport*.py tests/adapters/test_broker_contract.py

test-longbridge: $(VENV)/installed $(LONGBRIDGE)/installed ## what touches LongBridge, on its library under the new name
	@cd / && $(abspath $(LONGBRIDGE))/bin/python -c "import longbridge.openapi"
	LONGPORT_PYTHON=$(abspath $(LONGBRIDGE))/bin/python $(BIN)/pytest -n $(JOBS) -p no:cacheprovider -k longport $(OF_LONGBRIDGE)

quick: $(VENV)/installed ## the tests without the whole-process and long-history suites
	$(BIN)/pytest -n $(JOBS) -m "not slow"

lint: $(VENV)/installed ## style, formatting, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Other people's backtests are measured beside ours in an environment of their own.
BENCH ?= .venv-bench

bench: $(VENV)/installed $(BENCH)/installed ## the measurements of tests/benchmarks, as ratios, in one table
	@$(BIN)/python -m tests.benchmarks $(BENCH)/bin/python

mutants: $(VENV)/installed ## small wrongs in planning and matching; lists those no test notices
	$(BIN)/python -m tests.mutants bot/domain/planning.py bot/domain/buying.py bot/domain/selling.py bot/domain/shorting.py bot/domain/resting.py bot/domain/matching.py

lock: ## write the lock files anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra bench pyproject.toml -o requirements-bench.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra ib-async --extra schwab --extra longport --extra sims --extra tests pyproject.toml -o requirements-ib-async.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements-dev.txt --extra ibkr --extra schwab --extra longport pyproject.toml -o requirements-brokers.txt
	echo hatchling | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements-dev.txt - -o requirements-build.txt
	echo "longbridge>=5.3,<6" | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links - -o requirements-longbridge.txt

$(VENV)/installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(BENCH)/installed: requirements-bench.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(IB_ASYNC)/installed: requirements-ib-async.txt pyproject.toml
	$(PYTHON) -m venv $(IB_ASYNC)
	$(IB_ASYNC)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ib-async.txt
	$(IB_ASYNC)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(LONGBRIDGE)/installed: requirements-longbridge.txt
	$(PYTHON) -m venv $(LONGBRIDGE)
	$(LONGBRIDGE)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-longbridge.txt
	@touch $@

clean: ## remove what the targets made
	rm -rf $(VENV) $(BENCH) $(IB_ASYNC) $(LONGBRIDGE) .pytest_cache .mypy_cache .ruff_cache .hypothesis
