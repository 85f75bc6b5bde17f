# Two commands do everything on a fresh machine: `make demo` and `make test`.
# The rest is for those who change the project.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKED := src tests scripts benchmarks api deploy
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options

.PHONY: demo test test-sdk conformance check dev dev-http docs bench bench-growth mutants snapshots format lint types layers fresh lock clean help

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …'; exit 1; }
	$(PYTHON) -m venv $(VENV)
# The lock names all that is needed, so nothing is resolved: pip 23 would take an extra that a package
# asks for (`pydantic[email]`) from the newest version there is, and refuse it as not locked.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r requirements.lock
	$(BIN)/python -m pip check --disable-pip-version-check > /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Show what it does, on the embedded emulator
	$(BIN)/portkey-admin-mcp demo

test: $(READY) ## Run all tests
	$(BIN)/pytest -n auto

test-sdk: $(READY) ## Run the tests of the protocol with the fast path turned off
	MCP_FAST_PATH=off $(BIN)/pytest -n auto tests/server/mcp/test_protocol.py tests/server/stdio/test_stdio.py \
		tests/server/http/test_app.py

conformance: $(READY) ## Run the official conformance suite against the HTTP service
	$(BIN)/python tests/conformance/run.py --fast-path off --store memory
	$(BIN)/python tests/conformance/run.py --fast-path on --store off

check: $(READY) format lint types layers test fresh ## All that CI asks for

format:
	$(BIN)/ruff format --check $(CHECKED)

lint:
	$(BIN)/ruff check $(CHECKED)

types:
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python

layers:
	$(BIN)/lint-imports

docs: $(READY) ## Write the generated pages, and the manifest of the fast path
	$(BIN)/python scripts/write_docs.py
	$(BIN)/python scripts/write_manifest.py

fresh: ## Fail if a generated file is not what the code says
	$(BIN)/python scripts/write_docs.py --check
	$(BIN)/python scripts/write_manifest.py --check

mutants: $(READY) ## Break what decides who may do what, and see tests fail (a quarter of an hour)
	$(BIN)/python scripts/mutants.py

bench: $(READY) ## Compare with the TypeScript server, on this machine (ten minutes)
	$(BIN)/python benchmarks/compare.py

bench-growth: $(READY) ## Measure both with more tools, clients and bytes, and draw it (an hour)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/growth.py

snapshots: $(READY) ## Write what a client sees of each tool; read the diff
	$(BIN)/pytest -q tests/house --update-snapshots

dev: $(READY) ## Serve the emulator on port 8788, again after each change
	$(BIN)/watchfiles --filter python "$(BIN)/portkey-admin-mcp emulator" src

dev-http: $(READY) ## Serve the sandbox over HTTP on port 3000, again after each change
	$(BIN)/watchfiles --filter python "$(BIN)/portkey-admin-mcp http --sandbox" src

# The image installs the second with what the third built, and nothing of the first.
lock: $(READY) ## Write what is locked anew
	$(BIN)/python -m pip install --quiet pip-tools
	$(COMPILE) --upgrade --extra dev -o requirements.lock pyproject.toml
	$(COMPILE) --extra code --constraint requirements.lock -o requirements-runtime.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --only-build-deps --build-deps-for wheel \
		-o requirements-build.lock pyproject.toml

clean: ## Remove what make made
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
