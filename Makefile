# The same few commands for people and for CI.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
# What Python compiled is kept even where that is switched off: the suite starts more than a hundred processes.
export PYTHONDONTWRITEBYTECODE :=

help:  ## what you can do here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: .venv/.run  ## install what running on this machine alone needs
setup-production: .venv/.production  ## install what the processes need beside a Redis and a PostgreSQL of their own
setup-dev: .venv/.dev  ## install what developing needs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.run: requirements-embedded.txt pyproject.toml | .venv/bin/python
	@echo "Installing (the first time takes about half a minute) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-embedded.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.venv/.production: requirements.txt pyproject.toml | .venv/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo "Installing the tools for developers ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: .venv/.run  ## real orders become invoices in a simulated Xero (DEMO_EXIT=1 ends by itself)
	@$(BIN)/crewcard-xero demo

host-demo: .venv/.run  ## the same with a PHP host beside it, in a browser: buttons, markers, pop-ups, login (needs PHP)
	@examples/php-host/run.sh

pictures: .venv/.dev  ## docs/pictures of the console, made of the demo's data (needs Chromium)
	@$(BIN)/python -m docs.pictures.make

test: .venv/.dev  ## the suite
	@$(BIN)/pytest -n 2 --dist loadgroup -rs -m "not thorough and not ci and not room_of_ci"

test-ci: .venv/.dev  ## what .ci/run adds to the suite: attacks, the simulator's conformance, whole installations, a browser, PHP, short chaos and fuzz
	@$(BIN)/pytest -n 2 --dist loadgroup -rs -m "room_of_ci and not ci and not thorough"
	@$(BIN)/pytest -n 2 --dist loadgroup -rs -m "ci and not thorough"

# It measures, and so runs alone.
CROWD := tests/security/test_crowd.py::test_a_crowd_of_strangers_disturbs_no_host_and_fills_no_memory[long]

test-security: .venv/.dev  ## attacks on a running installation, long forms too (their short forms are part of `make test-ci`)
	@$(BIN)/pytest -n 2 --dist loadgroup -rs tests/security --deselect '$(CROWD)'
	@$(BIN)/pytest -n 0 -rs '$(CROWD)'

thorough: .venv/.dev  ## what takes minutes: a crash at every step of every story, every case on both databases, many examples
	@$(BIN)/pytest -n 2 --dist loadgroup -m thorough
	@$(BIN)/pytest -n 2 --timeout 900 --hypothesis-profile thorough -m "not ci" tests/rooms tests/faces/test_tables.py

check: .venv/.dev  ## lint, types, import contracts, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

contracts: .venv/.dev  ## write OpenAPI, AsyncAPI and the JSON Schemas anew
	@$(BIN)/python -m reference.contracts

release: check test  ## VERSION=0.2.0: version, changelog and contracts of it, one commit, one tag; pushes nothing
	@$(BIN)/python -m reference.release $(VERSION)

format: .venv/.dev  ## mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/.dev  ## the figures, beside their targets (about 45 minutes; one of them: python -m benchmarks NAME --short)
	@$(BIN)/python -m benchmarks all

bench-check: .venv/.dev  ## what must not grow, counted and compared with benchmarks/expected.json
	@$(BIN)/python -m benchmarks.check

prove: .venv/.dev  ## the long forms: generated requests, 10,000 invoices under fire beside a naive control, recovery
	@SIMULATOR_FUZZ=20000 $(BIN)/pytest -n 2 --timeout 1800 tests/simulator/test_fuzz.py
	@DOORS_FUZZ=100000 $(BIN)/pytest -n 2 --timeout 10800 tests/doors/test_fuzz.py
	@STREAM_FUZZ=100000 $(BIN)/pytest -n 0 --timeout 3600 tests/hosts/test_stream_fuzz.py
	@FOREIGN_BEARER_CALLS=100000 $(BIN)/pytest -n 0 tests/connections/test_bearers.py
	@$(BIN)/python -m benchmarks.chaos --database postgresql
	@$(BIN)/python -m benchmarks.chaos --database sqlite
	@$(BIN)/python -m benchmarks.chaos --control --spare flush
	@$(BIN)/python -m benchmarks.recovery
	@$(BIN)/python -m benchmarks.platforms

reference: .venv/.dev  ## write every generated page anew, from the code
	@$(BIN)/python -m reference

docs: .venv/.dev  ## the documentation as a site in var/site; links and anchors are checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir var/site

sbom: .venv/.dev  ## var/sbom.json: every library of the production image, with version and hashes (CycloneDX)
	@mkdir -p var
	@$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o var/sbom.json
	@echo "var/sbom.json"

lock: .venv/.dev  ## write the lock files anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra embedded -c requirements.txt -o requirements-embedded.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra otel -c requirements.txt -o requirements-otel.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev --extra docs --extra embedded --extra otel -c requirements.txt -o requirements-dev.txt pyproject.toml

.PHONY: help sbom setup setup-production setup-dev demo host-demo pictures test test-ci test-security thorough check contracts release format bench bench-check prove reference docs lock
