# `make` alone lists what there is. Every target sets up .venv first, from the pinned requirements.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed-$(shell cksum < requirements-dev.txt | tr ' ' '-')
SANDBOX := $(BIN)/python -m sandbox
export PORT ?= 8000
ARGS ?=
LOCK := --universal --python-version 3.11 --generate-hashes --upgrade --no-header --no-emit-index-url --quiet

.PHONY: help demo test test-long check fix bench bench-long simulate screenshots lighthouse shell manage lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## run everything here, with sample data and live traffic (PORT=8000)
	@exec $(SANDBOX) demo

test: $(INSTALLED) ## run every test but the long figures (ARGS="-k holds" for some)
	@exec $(SANDBOX) test -- $(ARGS)

test-long: $(INSTALLED) ## run every test, the long figures too
	@exec $(SANDBOX) test --long -- $(ARGS)

check: $(INSTALLED) ## format, lint, types, import contracts, templates, migrations, deployment settings
	@exec $(SANDBOX) check

fix: $(INSTALLED) ## format the code and mend what the linter can
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

bench: $(INSTALLED) ## measure, on durable servers that are thrown away afterwards
	@exec $(SANDBOX) run --temporary -- python -m benchmarks $(ARGS)

bench-long: $(INSTALLED) ## measure at the sizes that take hours
	@exec $(SANDBOX) run --temporary -- python -m benchmarks --long $(ARGS)

simulate: $(INSTALLED) ## live through fourteen months in a database of its own (ARGS="--months 3")
	@exec $(SANDBOX) run --temporary --relaxed -- python manage.py simulate $(ARGS)

screenshots: $(INSTALLED) ## take pictures of the running demo's pages for docs/
	@exec $(SANDBOX) run -- python -m sandbox screenshots $(ARGS)

lighthouse: $(INSTALLED) ## audit the demo's pages: 95 or more in each category (needs Node.js)
	@exec $(SANDBOX) run -- python -m sandbox lighthouse

shell: $(INSTALLED) ## open a Python shell on the demo's data
	@exec $(SANDBOX) run -- python manage.py shell

manage: $(INSTALLED) ## run a management command on the demo's data (ARGS="prove")
	@exec $(SANDBOX) run -- python manage.py $(ARGS)

lock: $(INSTALLED) ## pin requirements.in and requirements-dev.in anew, for every Python from 3.11 on
	$(BIN)/uv pip compile $(LOCK) --output-file requirements.txt requirements.in
	$(BIN)/uv pip compile $(LOCK) --constraints requirements.txt --output-file requirements-dev.txt requirements-dev.in

clean: ## remove the virtual environment and the demo's data
	rm -rf $(VENV) .local

$(INSTALLED): requirements-dev.txt
	@sh sandbox/install.sh $(VENV) requirements-dev.txt
	@rm -f $(VENV)/installed-*
	@touch $@
