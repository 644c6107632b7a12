# Each target is complete by itself: bootstrap.sh brings what is missing and takes a moment when nothing is.
.DEFAULT_GOAL := help
.PHONY: help demo test check simulate-many faults bench bench-peers openapi clean ready ready-for-tests ready-no-database

PORT ?= 8000
# Scenarios of the simulator.
SEEDS ?= 10000
# Of faults, for each seed.
MINUTES ?= 5
SEED ?= 1
SIMULATE ?= 1
# Of the tests; each has a PostGIS of its own. Many tests wait more than they reckon.
PROCESSES ?= 2
# Its tests, one for each operation, have one id together, and of those with one id several processes run only the first.
CONTRACT := tests/contract/test_schemathesis.py
BIN := .venv/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

# exec: the program takes the place of the shell, so that a signal to make's child is a signal to it.
demo: ready ## seed, simulate and serve a partnership of counties (PORT=8123 make demo, SIMULATE=0 make demo)
	@exec $(BIN)/fieldsync demo --with-parent --port '$(PORT)' $(if $(filter 0 no off false,$(SIMULATE)),--no-simulate)

test: ready-for-tests ## every test, on PostGIS clusters of their own (make test ARGS='-k merge': these, in one process)
ifdef ARGS
	@exec $(BIN)/python -m pytest $(ARGS)
else
	@failed=0; $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --ignore=$(CONTRACT) || failed=1; \
	$(BIN)/python -m pytest $(CONTRACT) || failed=1; exit $$failed
endif

check: ready-no-database ## format, lint, types, import contracts, and whether openapi.yaml is up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy fieldsync geo wsgi.py gunicorn.conf.py
	$(BIN)/lint-imports
	$(BIN)/fieldsync openapi --check

simulate-many: ready-for-tests ## thousands of scenarios against an oracle, in memory (SEEDS=100000, ARGS='--on postgres'); see docs/simulator.md
	@exec $(BIN)/python -m tests.simulator --seeds '$(SEEDS)' $(ARGS)

faults: ready-for-tests ## strike the server with everything for minutes, then check every law (MINUTES=10 SEED='1 2' make faults)
	@exec $(BIN)/python -m tests.faults --minutes '$(MINUTES)' $(foreach seed,$(SEED),--seed '$(seed)') $(ARGS)

bench: ready ## what we measure of ourselves, into bench/results/latest.json
	@exec $(BIN)/python -m bench $(ARGS)

bench-peers: ready ## the same work on what people would pick instead
	@exec $(BIN)/python -m bench.peers $(ARGS)

openapi: ready-no-database ## write openapi.yaml from the code
	@exec $(BIN)/fieldsync openapi

clean: ## stop the server; remove .venv and caches (the database stays: fieldsync down --delete-data removes it)
	@if [ -x $(BIN)/fieldsync ]; then $(BIN)/fieldsync down; fi
	rm -rf .venv .venv-ogctests .venv-ogctests.lock .bootstrap.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@./bootstrap.sh

ready-for-tests:
	@./bootstrap.sh --tests

ready-no-database:
	@./bootstrap.sh --no-database
