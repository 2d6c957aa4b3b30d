SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Node 24 comes from a registry package, so every child process runs it whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/spice-shards
STAMP := node_modules/.install-stamp
SOURCES := $(shell find spicepod/src certificates/src proto/src kube/src runtime/src operator/src examples/*/src -name '*.ts' -o -name '*.json' 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-12s %s\n", $$1, $$2}'

$(STAMP): package.json package-lock.json spicepod/package.json certificates/package.json proto/package.json kube/package.json runtime/package.json operator/package.json
	npm install --no-save --loglevel=error
	@node scripts/check-node.mjs
	@touch $(STAMP)

.PHONY: install
install: $(STAMP) ## Install the npm packages (Node 24 among them)

dist/.build-stamp: $(STAMP) $(SOURCES) tsconfig.json tsconfig.base.json
	tsc -b
	@mkdir -p dist && touch dist/.build-stamp

.PHONY: build
build: dist/.build-stamp ## Compile; afterwards `npx spiced` and `npx spice` work

.PHONY: generate
generate: $(STAMP) ## Regenerate checked-in code (protobuf, JSON Schema, CRDs)
	node --conditions=source scripts/generate.ts

.PHONY: lint
lint: build ## Types, lint, format, import rules, generated files up to date
	tsc -p tsconfig.test.json
	biome check --error-on-warnings .
	node scripts/check-imports.ts
	node --conditions=source scripts/generate.ts --check

.PHONY: format
format: $(STAMP) ## Format and apply safe lint fixes
	biome check --write .

.PHONY: extensions
extensions: $(STAMP) ## Put DuckDB's signed extensions (S3, PostgreSQL) where `npx spiced` finds them
	node scripts/testbed/extensions.ts

.PHONY: testbed
testbed: $(STAMP) ## Provision the servers and data that the test tiers need
	node scripts/testbed/provision.ts $(TIER)

.PHONY: test
test: build ## Run every tier this machine can run, or one: make test TIER=unit (engine, store, cluster, kube, pods)
	node scripts/test.ts $(TIER)

.PHONY: images
images: build ## Build the images with docker, podman or buildah: make images IMAGES="runtime --tag dev"
	node scripts/images/build.ts $(IMAGES)

.PHONY: cluster-up
cluster-up: build ## Start a Kubernetes to try things on; prints KUBECONFIG (PROVIDER=local, kind, existing; NODES=2)
	@node --conditions=source e2e/cluster.ts up

.PHONY: cluster-load
cluster-load: $(STAMP) ## Give that Kubernetes images: make cluster-load ARCHIVES="dist/archives/spiced.tar"
	@node --conditions=source e2e/cluster.ts load $(ARCHIVES)

.PHONY: cluster-down
cluster-down: $(STAMP) ## End it, also when it crashed: no process, mount, namespace or interface is left
	@node --conditions=source e2e/cluster.ts down

.PHONY: e2e
e2e: $(STAMP) ## The whole story on real pods: make e2e PROVIDER=local (kind, existing)
	@node --conditions=source e2e/providers/choose.ts
	@$(MAKE) --no-print-directory build
	node scripts/test.ts pods

.PHONY: bench
bench: build ## Measure and print the tables, or one: make bench NAME=tpch
	node --conditions=source bench/run.ts $(NAME)

.PHONY: quickstart
quickstart: build ## Start a local cluster on three million flights and query it
	node runtime/bin/spice.mjs quickstart

.PHONY: stop
stop: $(STAMP) ## Stop the local cluster that quickstart started
	node runtime/bin/spice.mjs cluster down

.PHONY: clean
clean: ## Remove build output and local state (not the shared cache)
	rm -rf dist spicepod/dist certificates/dist proto/dist kube/dist runtime/dist operator/dist examples/*/dist */*.tsbuildinfo examples/*/*.tsbuildinfo .spice bench/results
