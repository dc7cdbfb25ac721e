# What a developer does, one target each. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
export PYTHON

bin := .venv/bin
ARGS ?=
LOCK := $(bin)/uv pip compile --no-config --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --custom-compile-command 'make lock'

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: env
env: ## make .venv from the locked requirements, if it is not there or out of date
	@.ci/environment

.PHONY: demo
demo: env ## run Podwall on the bundled example
	@.ci/demo

.PHONY: test
test: ## all tests, with all that they need; ARGS='tests/engine -k ports' for some of them
	@.ci/environment --system
	@$(bin)/python -m pytest -n auto $(ARGS)

.PHONY: lint
lint: env ## style, format, types and the contracts between the layers
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

.PHONY: format
format: env ## put the code into the one format
	$(bin)/ruff check --fix-only --quiet .
	$(bin)/ruff format .

.PHONY: docs
docs: env ## make the pages of docs/rules from the files of the checks
	@PYTHONPATH=. $(bin)/python -m tests.docs.make_rules

.PHONY: fresh
fresh: env ## engine against oracle on random clusters from fresh seeds, until stopped; ARGS are its flags
	@PYTHONPATH=. $(bin)/python tests/truth/fresh.py $(ARGS)

.PHONY: fresh-needs
fresh-needs: env ## needs found in random applications against those they declare, until stopped; ARGS are its flags
	@PYTHONPATH=. $(bin)/python tests/needs/fresh.py $(ARGS)

.PHONY: fresh-kernel
fresh-kernel: env ## engine against compiled tables, in memory and in the kernel, on fresh seeds, until stopped
	@PYTHONPATH=. $(bin)/python tests/lab/fresh.py $(ARGS)

.PHONY: bench
bench: env ## the measured tables of the README; ARGS are its flags
	@PYTHONPATH=. $(bin)/python benchmarks/run.py $(ARGS)

.PHONY: bench-dataplane
bench-dataplane: env ## our rules in the kernel against an iptables shape, in namespaces of their own; ARGS are its flags
	@PYTHONPATH=. $(bin)/python -m benchmarks.dataplane $(ARGS)

.PHONY: lock
lock: env ## take the newest versions into requirements/*.txt
	$(LOCK) pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) --constraints requirements/runtime.txt --group dev pyproject.toml --output-file requirements/dev.txt

.PHONY: clean
clean: ## remove the environment and everything else that was made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
