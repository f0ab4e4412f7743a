# The doors to everything here; `make` alone lists them.
SHELL := /bin/sh
export CGO_ENABLED ?= 0

# run: where a system beside the first one has its ports.
PORT_BASE ?= 0
# dead-letters: show ID, replay ID, replay --all.
ARGS ?= list

LOCAL := .local/bin/local

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: local-tool
local-tool:
	@command -v go >/dev/null || { echo "the program go is missing: install Go from https://go.dev/dl/ and put it on the PATH" >&2; exit 1; }
	@go build -o $(LOCAL) ./local

.PHONY: run
run: local-tool ## Start the whole system on this machine, until Ctrl-C (PORT_BASE=20000 moves its ports).
	@exec $(LOCAL) run -exit-with-parent -port-base $(PORT_BASE)

.PHONY: load
load: ## Put a load on the running system and follow all of it to its end (RATE=4 DURATION=15s; .local/bin/load -h).
	@mkdir -p .local/bin
	@go build -o .local/bin/load ./load
	@exec .local/bin/load

# bench: which measurements; all if empty. BENCH_ARGS=-h lists them.
NAME ?=
BENCH_ARGS ?=

.PHONY: bench
bench: ## Measure what the system carries and costs, on an idle machine (NAME=latency,kafka; BENCH_ARGS=-h).
	@mkdir -p .local/bin
	@go build -o .local/bin/bench ./bench
	@exec .local/bin/bench -name "$(NAME)" $(BENCH_ARGS)

.PHONY: dead-letters
dead-letters: ## List what could not be processed (ARGS="show ID", "replay ID", "replay --all"; -h for a Kafka elsewhere).
	@mkdir -p .local/bin
	@go build -o .local/bin/dead-letters ./dead-letters
	@exec .local/bin/dead-letters $(ARGS)

# What is tested and linted: every module but those of the tools.
MODULES := . ./operation-service ./user-service ./approval-service ./dead-letters ./load ./local ./bench ./chaos ./cluster
# The race detector needs a C compiler; Go says whether there is one.
TEST = $(if $(filter 1,$(shell CGO_ENABLED= go env CGO_ENABLED)),CGO_ENABLED=1 go test -race,go test)
# The end-to-end suite is never cached (it tests what Go does not see), has the machine to itself, and its first run may
# have to build Dapr.
E2E = go test -count=1 -p 1 -timeout 30m

.PHONY: test
test: ## Test: the units of every module, then the whole system with the embedded broker.
	$(TEST) $(addsuffix /...,$(MODULES))
	go test ./simulation
	cd e2e && $(E2E) ./...

.PHONY: test-kafka
test-kafka: ## Test the whole system on a real Apache Kafka (needs Java 17 and Maven).
	cd e2e && E2E_PROFILE=kafka $(E2E) -tags kafka ./...

.PHONY: test-kafka-mongodb
test-kafka-mongodb: ## Test the whole system on Kafka and MongoDB (MONGODB_URI, or Docker).
	e2e/kafka-mongodb.sh

# verify-cluster: real, large or settings; see docs/scaling.md. PROFILE=kafka takes an Apache Kafka.
RUN ?= real

.PHONY: verify-cluster
verify-cluster: ## Scale on a Kubernetes control plane of this machine (RUN=real, large, settings; builds for 20 minutes once).
	@go build -o .local/bin/cluster ./cluster
	@exec .local/bin/cluster -run $(RUN)

.PHONY: docs
docs: ## Run the commands of README.md and CONTRIBUTING.md, and check what the documents name.
	cd e2e && go test -count=1 -timeout 30m -tags docs ./docs

.PHONY: lint
lint: linters ## Lint every module and the workflows.
	@for module in $(MODULES) ./simulation ./e2e; do \
		echo "golangci-lint $$module"; \
		(cd $$module && $(CURDIR)/.local/bin/golangci-lint run ./...) || failed=1; \
	done; \
	for module in ./k8s/test ./dashboards/test; do \
		echo "golangci-lint $$module"; \
		(cd $$module && GOWORK=off $(CURDIR)/.local/bin/golangci-lint run ./...) || failed=1; \
	done; \
	$(CURDIR)/.local/bin/actionlint || failed=1; \
	test -z "$$failed"

.PHONY: vulncheck
vulncheck: linters ## Look for known vulnerabilities (asks vuln.go.dev).
	@for module in $(MODULES) ./simulation ./e2e; do \
		echo "govulncheck $$module"; \
		(cd $$module && $(CURDIR)/.local/bin/govulncheck ./...) || failed=1; \
	done; \
	test -z "$$failed"

.PHONY: linters
linters:
	@mkdir -p .local/bin
	@cd tools/lint && GOWORK=off go build -o $(CURDIR)/.local/bin/ tool

.PHONY: mutations
mutations: ## Break the code in each known way, one at a time: a test has to notice.
	go run ./simulation/mutation

# soak: for how long.
SOAK ?= 4h

.PHONY: chaos
chaos: chaos-tool ## Do faults to a system under load, and judge (PROFILE=embedded SEED=1 DURATION=3m RATE=20; .local/bin/chaos -h).
	@exec .local/bin/chaos -soak 0

.PHONY: soak
soak: chaos-tool ## One chaos after the other, each with a new seed; the verdicts stay in .local/soak (SOAK=4h PROFILE=embedded).
	@exec .local/bin/chaos -soak $(SOAK)

.PHONY: chaos-tool
chaos-tool:
	@mkdir -p .local/bin
	@go build -o .local/bin/chaos ./chaos

# fuzz: for how long, each target.
FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## Fuzz every decoder, one after the other (FUZZTIME=10s).
	@grep -r -o --include='*_test.go' --exclude-dir=.local '^func Fuzz[A-Za-z]*' . | while IFS=: read -r file target; do \
		echo "$$(dirname $$file) $${target#func }"; \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$(dirname $$file)" || exit 1; \
	done

# images: what they are called.
REGISTRY ?= registration
TAG ?= dev

.PHONY: images
images: ## Build the container images (REGISTRY=registration TAG=dev).
	@for program in operation-service user-service approval-service dead-letters load; do \
		docker build --build-arg PROGRAM=$$program --tag $(REGISTRY)/$$program:$(TAG) . || exit 1; \
	done

.PHONY: cluster-tools
cluster-tools: ## Build kind, kube-score and helm into .local/bin.
	@mkdir -p .local/bin
	@cd tools/kubernetes && GOWORK=off go build -o $(CURDIR)/.local/bin/ tool
	@cd tools/helm && GOWORK=off go build -o $(CURDIR)/.local/bin/ tool

.PHONY: kind-up
kind-up: ## Start the whole system in a Kubernetes on this machine (needs Docker and kubectl).
	@k8s/kind-up.sh

.PHONY: kind-down
kind-down: ## Remove that Kubernetes, with all that is in it.
	@PATH=$(CURDIR)/.local/bin:$$PATH kind delete cluster --name registration

# Never cached: Go does not see changes of files outside of a module, and those are what is tested.
.PHONY: test-k8s
test-k8s: cluster-tools ## Test k8s/ and dashboards/ with what will read them, without a cluster.
	cd k8s/test && GOWORK=off go test -count=1 -timeout 15m ./...
	cd dashboards/test && GOWORK=off go test -count=1 ./...
