# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON := .venv/bin/python
OBJECT := src/fairway/agent/fairway.bpf.o
BPF_SOURCES := $(wildcard bpf/*)

.PHONY: help setup bpf demo test lint lab-down bench clean

help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, Python packages in .venv, the BPF object
	@scripts/setup

bpf: $(OBJECT) ## Build the BPF object

$(OBJECT): $(BPF_SOURCES)
	@echo "building the BPF object"
	@clang -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror -target bpf -mcpu=v3 \
		-I/usr/include/$$(uname -m)-linux-gnu -c bpf/fairway.bpf.c -o $@.partial
	@llvm-strip -g $@.partial && mv $@.partial $@

demo: setup ## Play the whole story on a lab of network namespaces; ARGS=--recorded|--keep|--json
	@$(SUDO) .venv/bin/fairway demo $(ARGS)

test: setup lint ## Pass all tests, those on the real kernel and the lab included
	@echo "tests: unit, kernel, lab"
	@$(SUDO) env CI="$${CI:-}" .venv/bin/pytest $(ARGS)

lint: ## Style, types, and which room may import which
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

lab-down: ## Remove a lab that was left behind
	@$(SUDO) .venv/bin/fairway lab down

clean: ## Remove what was built and installed here
	rm -rf .venv build dist $(OBJECT) demo-policies .mypy_cache .ruff_cache .pytest_cache .hypothesis
