# Two commands do everything on a fresh machine: `make demo` and `make test`.
# The others are for those who change the project.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKED := src tests scripts benchmarks api deploy examples
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options

# One more process than processors, because some tests wait; tests move to a process that is free.
PARALLEL = -n $$(($$($(PYTHON) -c 'import os; print(os.cpu_count())') + 1)) --dist worksteal
# Tests start hundreds of processes, which would each compile the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-sdk test-long clients conformance example check dev dev-http docs bench bench-growth mutants snapshots format lint types layers fresh schemas dist mcpb image-check lock clean help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …'; exit 1; }
	$(PYTHON) -m venv $(VENV)
# The lock names every package, so pip resolves nothing: pip 23 would look for an extra that a package
# requires (`pydantic[email]`) in the newest version, and refuse that one because it is not locked.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r requirements.lock
	$(BIN)/python -m pip check --disable-pip-version-check > /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Do an administrator's tasks on the emulator
	$(BIN)/portkey-admin-mcp demo

test: $(READY) ## Run all tests
	$(BIN)/pytest $(PARALLEL)

test-sdk: $(READY) ## Run the tests of the protocol without the fast path
	MCP_FAST_PATH=off $(BIN)/pytest $(PARALLEL) tests/server/mcp/test_protocol.py tests/server/stdio/test_stdio.py \
		tests/server/http/test_app.py

test-long: $(READY) clients ## Run what takes long: the matrix of confirmations, the soak, the MCP clients, the planted facts (4 minutes)
	$(BIN)/pytest --long -m long $(PARALLEL)

clients: $(READY) ## Install the MCP clients that tests read our files with (Linux, 0.5 GB)
	$(BIN)/python tests/node_packages.py tests/clients/programs

conformance: $(READY) ## Run the official conformance suite and the official clients
	$(BIN)/python tests/conformance/run.py --fast-path off --store memory
	$(BIN)/python tests/conformance/run.py --fast-path on --store off
	$(BIN)/python tests/conformance/clients.py

# As a user of the package would: its wheel in an empty environment, with the locked versions.
example: $(READY) ## Run the tests of examples/testing with the pytest plugin of the built wheel
	rm -rf build/example
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--wheel-dir build/example .
	$(PYTHON) -m venv build/example/venv
	sed -e '/^ *--hash/d' -e 's/ *\\$$//' requirements.lock > build/example/constraints.txt
	build/example/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--only-binary :all: -c build/example/constraints.txt "$$(echo build/example/*.whl)[testing]" portkey-ai
	cd examples/testing && NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 \
		../../build/example/venv/bin/pytest -q -p no:cacheprovider

check: $(READY) format lint types layers docs-site test fresh schemas ## Run every check of CI that needs no root

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
	$(BIN)/python scripts/write_client_files.py
	$(BIN)/python scripts/write_manifest.py

fresh: ## Fail if a generated file is out of date
	$(BIN)/python scripts/write_docs.py --check
	$(BIN)/python scripts/write_client_files.py --check
	$(BIN)/python scripts/write_manifest.py --check

# In an environment of its own, because the schemas of all versions of Kubernetes are 17,000 files.
schemas: ## Check compose.yaml and the Kubernetes manifests against their schemas
	$(PYTHON) -m venv build/schemas
	build/schemas/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
		--require-hashes -r requirements-schemas.lock
	build/schemas/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	sed -n '/^```yaml/,/^```$$/p' docs/deploy/kubernetes.md | grep -v '^```' > build/kubernetes.yaml
	build/schemas/bin/kubernetes-validate --strict --kubernetes-version 1.30 build/kubernetes.yaml

.PHONY: docs-site docs-preview

build/docs/.ready: requirements-docs.lock
	$(PYTHON) -m venv build/docs
	build/docs/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r requirements-docs.lock
	@touch $@

docs-site: build/docs/.ready ## Build the documentation site into build/site, from docs/ and without a network
	build/docs/bin/python scripts/build_site.py

docs-preview: docs-site ## Build the documentation site, and serve it on port 8000
	$(PYTHON) -m http.server --bind 127.0.0.1 --directory build/site 8000

image-check: ## Build the image without Docker, and run it (as root, with buildah and debootstrap)
	$(PYTHON) scripts/image_check.py

# In an environment of its own, as uv and twine serve only here.
DIST_READY := build/dist/.ready

$(DIST_READY): requirements-dist.lock
	$(PYTHON) -m venv build/dist
	build/dist/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
		--require-hashes -r requirements-dist.lock
	@touch $@

dist: $(READY) $(DIST_READY) ## Build the wheel, the source distribution and the MCPB bundle into dist/, and try them
	$(BIN)/python scripts/build_dist.py

mcpb: $(READY) $(DIST_READY) ## Build and validate the MCPB bundle, and what it is made of
	$(BIN)/python scripts/build_dist.py --build-only

mutants: $(READY) ## Check that tests notice changes of code that decides something (hours; docs/decisions/mutants.md)
	$(BIN)/python scripts/mutants.py

bench: $(READY) ## Compare with the TypeScript server on this machine (10 minutes)
	$(BIN)/python benchmarks/compare.py

bench-growth: $(READY) ## Measure and plot both with more tools, clients and bytes (an hour)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/growth.py

snapshots: $(READY) ## Write what clients see of each tool, and its cost; read the diff
	$(BIN)/pytest -q tests/house --update-snapshots

dev: $(READY) ## Serve the emulator on port 8788, restarted after each change
	$(BIN)/watchfiles --filter python "$(BIN)/portkey-admin-mcp emulator" src

dev-http: $(READY) ## Serve the sandbox over HTTP on port 3000, restarted after each change
	$(BIN)/watchfiles --filter python "$(BIN)/portkey-admin-mcp http --sandbox" src

# For development; for the image; for building the package into the image; for `make schemas`; and for
# `make docs-site`.
# On the oldest Python, because a package that newer ones do not need is left out there.
lock: $(READY) ## Lock the newest versions of all packages
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo 'The locks are made with Python 3.11: make clean; make PYTHON=/path/to/python3.11 lock'; exit 1; }
	$(BIN)/python -m pip install --quiet pip-tools
	$(COMPILE) --upgrade --extra dev -o requirements.lock pyproject.toml
	$(COMPILE) --extra code --extra otel --constraint requirements.lock -o requirements-runtime.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --only-build-deps --build-deps-for wheel \
		-o requirements-build.lock pyproject.toml
	printf 'check-jsonschema\nkubernetes-validate\n' \
		| $(COMPILE) --upgrade --constraint requirements.lock -o requirements-schemas.lock -
	printf 'twine\nuv\n' | $(COMPILE) --upgrade --constraint requirements.lock -o requirements-dist.lock -
	printf 'furo\nmyst-parser\nsphinx\n' \
		| $(COMPILE) --upgrade --constraint requirements.lock -o requirements-docs.lock -
	$(BIN)/python scripts/check_wheels.py

clean: ## Remove all files that make created
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
