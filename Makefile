# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
# dnsmasq is in sbin, which a plain `su` does not search.
export PATH := $(PATH):/usr/sbin:/sbin
# Where sudo is missing or refused, Fairway says itself what it lacks. sudo hands on only what is said here. What root
# leaves in the checkout, its owner could not remove: hence no bytecode, and `test` gives back.
SUDO := $(shell [ $$(id -u) = 0 ] || command -v sudo)
ROOT_ENV := PYTHONDONTWRITEBYTECODE=1 CI=$(CI) FAIRWAY_LAB=$(FAIRWAY_LAB)
AS_ROOT := $(if $(SUDO),$$($(SUDO) -v 2>/dev/null && echo $(SUDO) env $(ROOT_ENV)))
# A recording is played without root and without what only the kernel needs.
RECORDED := $(filter --recorded,$(ARGS))
OBJECT := src/fairway/agent/fairway.bpf.o
BPF_SOURCES := $(wildcard bpf/*)
CONSOLE := src/fairway/hub/console/index.html
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' -not -name '*.test.ts')

.PHONY: help setup bpf console demo test test-kernels fuzz bench-agent bench-console bench-coverage bench-datapath \
	bench-hub bench-import bench-kube bench-names bench-policy bench-rollout bench-topk bench-anomalies endure lint prove-images lab-down clean

help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, Python packages in .venv, the BPF object
	@scripts/setup

bpf: $(OBJECT) ## Build the BPF object

$(OBJECT): $(BPF_SOURCES)
	@echo "building the BPF object"
	@clang -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror -target bpf -mcpu=v3 \
		-I/usr/include/$$(uname -m)-linux-gnu -c bpf/fairway.bpf.c -o $@.partial
	@llvm-strip -g $@.partial && mv $@.partial $@

console: $(CONSOLE) ## Build the console

# Not `npm ci`: it refuses a lock that leaves out what only other platforms need.
console/node_modules/.installed: console/package-lock.json
	@echo "installing the console's packages"
	@cd console && npm install --no-save --silent --no-audit --no-fund && touch node_modules/.installed

$(CONSOLE): console/node_modules/.installed $(CONSOLE_SOURCES)
	@echo "building the console"
	@cd console && npx vite build --logLevel warn
	@touch $@

demo: ## Play the whole story on a lab of network namespaces; ARGS=--recorded|--keep|--json
	@scripts/setup $(if $(RECORDED),python)
	@$(if $(RECORDED),,$(AS_ROOT)) .venv/bin/fairway demo $(ARGS)

test: lint ## Pass all tests, those on the real kernel and the lab included
	@scripts/setup test
	@cd console && npm run --silent test
	@$(if $(SUDO),trap '$(SUDO) -n chown -Rf $(shell id -u) .pytest_cache .hypothesis build 2>/dev/null || true' EXIT;) \
		$(AS_ROOT) scripts/test $(ARGS)

test-kernels: bpf ## Boot Debian's kernels 5.10, 6.1 and 6.12 under QEMU and pass the kernel tests there
	@scripts/setup
	@FAIRWAY_MACHINES=1 .venv/bin/pytest -s tests/machines $(ARGS)

fuzz: ## Feed all readers hostile input for a minute: manifests, flows, decisions, names, cases; random frames to the kernel
	@FAIRWAY_FUZZ_EXAMPLES=1500 .venv/bin/pytest tests/unit/policy/test_fuzz_readers.py tests/unit/cli/test_fuzz_inputs.py $(ARGS)
	@$(AS_ROOT) env FAIRWAY_FUZZ_FRAMES=1000000 .venv/bin/pytest tests/kernel/test_fuzz.py $(ARGS)

bench-coverage: ## How often "enough was seen" comes too early, in a simulation; one JSON object
	@.venv/bin/python benchmarks/coverage/simulate.py $(ARGS)

bench-console: console ## How soon the map is drawn, how it moves, how a million flows scroll, in headless Chromium; one JSON object, ten minutes
	@.venv/bin/python benchmarks/console/measure.py $(ARGS)

bench-agent: bpf ## What an agent costs its node, and whether it keeps up; one JSON object, about three minutes
	@scripts/setup python
	@$(AS_ROOT) .venv/bin/python benchmarks/agent/run.py $(ARGS)

bench-datapath: ## What a packet costs, over no program, beside an empty one and nftables; one JSON object
	@$(AS_ROOT) .venv/bin/python benchmarks/datapath/datapath.py $(ARGS)

bench-topk: ## A million flows in an interval: are the 500 largest told right; one JSON object
	@$(AS_ROOT) .venv/bin/python benchmarks/topk/topk.py $(ARGS)

endure: ## Policies swapped for 30 s and 100 agents killed, under load; a hub killed 30 times
	@$(AS_ROOT) env FAIRWAY_SWAP_SECONDS=30 FAIRWAY_KILLS=100 .venv/bin/pytest -o timeout=1200 tests/kernel/test_endurance.py $(ARGS)
	@FAIRWAY_HUB_KILLS=30 .venv/bin/pytest -o timeout=1200 tests/unit/hub/test_service.py -k kill_at_any_moment

bench-rollout: ## How fast a plan is, and how often the gates alarm in error or miss, in a simulation; one JSON object
	@.venv/bin/python benchmarks/rollout/measure.py $(ARGS)

bench-anomalies: ## How often anomalies are missed, and told in error, on simulated weeks; one JSON object, about ten minutes
	@.venv/bin/python benchmarks/anomalies/calibrate.py $(ARGS)

bench-policy: ## How fast the policy engine is, at 1x, 10x and 100x; one JSON object. bench-policy-NAME: one of them
	@.venv/bin/python benchmarks/policy/all.py

bench-policy-%:
	@.venv/bin/python benchmarks/policy/$*.py $(ARGS)

bench-import: ## How fast foreign records become flows, and in how much memory; one JSON object
	@.venv/bin/python benchmarks/import.py $(ARGS)

bench-hub: ## Rows a second over HTTP, bytes a row, how long questions take; one JSON object; ARGS=--quick
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python benchmarks/hub/measure.py $(ARGS)

bench-kube: ## What it takes to watch 50,000 pods and 30,000 Services; one JSON object, about three minutes
	@.venv/bin/python benchmarks/kube.py $(ARGS)

bench-names: ## How many reports a second the hub names on one core, with 20,000 pods; one JSON object
	@.venv/bin/python benchmarks/names.py $(ARGS)

prove-images: bpf ## Say what the images hold, in chroots that debootstrap makes; ARGS=agent|hub
	@$(SUDO) scripts/prove-images $(ARGS)

lint: setup ## Style, types, and which room may import which
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@cd console && npm run --silent lint

lab-down: ## Remove a lab that was left behind
	@$(AS_ROOT) .venv/bin/fairway lab down

clean: ## Remove what was built and installed here
	rm -rf .venv build dist $(OBJECT) $(dir $(CONSOLE)) console/node_modules demo-policies .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
