# Everything a contributor runs. `make` alone lists it.

GO           ?= go
FUZZTIME     ?= 10s
BENCH        ?= .
PACKAGES     ?= ./...
GOLANGCI_LINT = $(GO) tool -modfile=tools/golangci-lint/go.mod golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary bin/runner.
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/runner ./cmd/runner

IMAGE        ?= tocsin

.PHONY: image
image: ## Build the container image IMAGE (tocsin) of a binary that is built here; nothing is pulled.
	deploy/docker/build-image.sh $(IMAGE)

.PHONY: release
release: ## Build dist/ for all systems: archives, deb, rpm, modules (CycloneDX), SHA256SUMS; VERSION=1.2.3.
	VERSION=$(VERSION) deploy/release.sh

.PHONY: packages
packages: ## Try releases, packages and the unit, and check files of deploy/ against their schemas; needs root, rpm and zip.
	deploy/check/packages.sh
	deploy/check/schemas.sh

.PHONY: examples
examples: examples-go examples-python examples-java ## Run the examples of suites with Docker and the image IMAGE (make image).

.PHONY: examples-go
examples-go: ## Run the example of a suite in Go, with what the module requires today.
	@mkdir -p bin/gosuite && cp examples/gosuite/go.mod examples/gosuite/go.sum bin/gosuite/
	cd examples/gosuite && GOFLAGS='$(GOFLAGS) -mod=mod -modfile=$(CURDIR)/bin/gosuite/go.mod' $(GO) test -count=1 ./...

.PHONY: examples-python
examples-python: ## Run the example of a suite in Python; VENV is its virtual environment.
	TOCSIN_IMAGE=$(IMAGE) VENV=$(or $(VENV),$(CURDIR)/bin/examples-python) examples/python/run.sh

.PHONY: examples-java
examples-java: ## Run the example of a suite in Java; needs Maven.
	cd examples/java && TOCSIN_IMAGE=$(IMAGE) mvn --batch-mode --quiet test

.PHONY: test
test: ## Run the tests that need nothing but Go, with the race detector and invariants checked.
	$(GO) test -race -tags invariants -parallel 4 -timeout 20m $(PACKAGES)

.PHONY: integration
integration: ## Run the tests that need a real Elasticsearch.
	$(GO) test -tags integration,invariants -count=1 -parallel 4 -timeout 38m ./integration/...

.PHONY: integration-image
integration-image: ## Follow docs/setup.md with the image IMAGE (make image), in a cluster with security and TLS.
	TOCSIN_IMAGE=$(IMAGE) $(GO) test -tags integration,invariants -count=1 -timeout 10m -run TestSetupDocs ./integration

.PHONY: integration-client
integration-client: ## Run the client's tests on the node at TOCSIN_ELASTICSEARCH_URL.
	$(GO) test -tags integration,invariants -count=1 -timeout 10m ./internal/backend/elastic

.PHONY: chaos
chaos: ## Kill runners 200 times while 300 rules run; needs TOCSIN_ELASTICSEARCH_URL and takes most of an hour.
	TOCSIN_CHAOS_KILLS=$${TOCSIN_CHAOS_KILLS:-200} TOCSIN_CHAOS_RULES=$${TOCSIN_CHAOS_RULES:-300} \
		$(GO) test -tags integration -count=1 -timeout 90m -v -run 'TestChaos' ./integration/

.PHONY: chaos-notify
chaos-notify: ## Kill three runners 200 times while 10,000 alerts are told to a webhook that fails half of the time; needs TOCSIN_ELASTICSEARCH_URL.
	TOCSIN_NOTIFY_KILLS=$${TOCSIN_NOTIFY_KILLS:-200} TOCSIN_NOTIFY_ALERTS=$${TOCSIN_NOTIFY_ALERTS:-10000} \
		$(GO) test -tags integration -count=1 -timeout 60m -v -run 'TestNotifyChaos' ./integration/

.PHONY: soak
soak: ## Run 2,000 rules every minute for ten minutes and tell what that takes; needs TOCSIN_ELASTICSEARCH_URL.
	TOCSIN_SOAK_RULES=$${TOCSIN_SOAK_RULES:-2000} TOCSIN_SOAK_MINUTES=$${TOCSIN_SOAK_MINUTES:-10} \
		$(GO) test -tags integration -count=1 -timeout 30m -v -run 'TestSoak' ./integration/

.PHONY: lint
lint: ## Report what is wrong or untidy; changes nothing.
	$(GO) vet ./...
	$(GO) vet -tags integration,invariants,testclock ./...
	$(GO) mod tidy -diff
	$(GOLANGCI_LINT) run --allow-parallel-runners
	$(GOLANGCI_LINT) run --allow-parallel-runners --build-tags integration,invariants ./integration/... ./internal/backend/elastic/... ./internal/match/condition/... ./cmd/runner/internal/page/... \
		./internal/diag/invariants/...

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what is built (govulncheck); needs https://vuln.go.dev, or GOVULNDB=file:///copy.
	$(GO) tool -modfile=tools/govulncheck/go.mod govulncheck $(if $(GOVULNDB),-db $(GOVULNDB)) $(PACKAGES)

.PHONY: format
format: ## Format the code (gofumpt, goimports).
	$(GOLANGCI_LINT) fmt

.PHONY: bench
bench: ## Run the benchmarks, and bench-round; BENCH=regexp and PACKAGES=./internal/x choose.
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PACKAGES)
	$(MAKE) bench-round

DOCUMENTS    ?= 500000
ELASTALERT   = bin/elastalert

.PHONY: bench-round
bench-round: $(ELASTALERT)/bin/elastalert ## Compare scan, _msearch, single searches and ElastAlert 2 in one table; DOCUMENTS=500000.
	$(GO) test -tags integration -count=1 -timeout 60m -run TestCompareRounds -v ./integration \
		-round.documents $(DOCUMENTS) -round.elastalert $(CURDIR)/$(ELASTALERT)/bin/elastalert

$(ELASTALERT)/bin/elastalert:
	python3 -m venv $(ELASTALERT)
	$(ELASTALERT)/bin/pip install --quiet elastalert2 pytz 'setuptools<81'

.PHONY: bench-spl
bench-spl: ## Compare a million events through stats read and counted on the node; DOCUMENTS=1000000, needs TOCSIN_ELASTICSEARCH_URL.
	TOCSIN_MILLION=$(if $(filter command line environment,$(origin DOCUMENTS)),$(DOCUMENTS),1000000) \
		$(GO) test -tags integration -count=1 -timeout 60m -run TestSPLMillion -v ./integration

.PHONY: bench-sigma
bench-sigma: build ## Compare with rsigma over event files, SigmaHQ's rules in both, and many rules with few; SIGMA, CORPUS, RUNS, EVENTS, RULES, MANY.
	tools/bench-sigma/run.sh

SIGMA_PYTHON = bin/pysigma

.PHONY: full
full: full-indices full-rules ## Compare all of which CI takes a sample; needs TOCSIN_ELASTICSEARCH_URL. Its parts take an hour each at most.

.PHONY: full-indices
full-indices: ## Compare search, scan and files over indices that differ, more than a million pairs of rule and event.
	$(GO) test -tags integration -count=1 -timeout 60m -v -run 'TestIndicesDiffer' ./integration \
		-differ.documents 500 -differ.rules 6 -differ.worlds 1

.PHONY: full-rules
full-rules: $(SIGMA_PYTHON)/bin/python ## Run SigmaHQ's rules and Elastic's, with two copies of each of these, all at once.
	TOCSIN_SIGMA_PYTHON=$(CURDIR)/$(SIGMA_PYTHON)/bin/python $(GO) test -tags integration -count=1 -timeout 60m -v \
		-run 'TestSigmaRules|TestCorpusBesideCopies' ./integration -corpus.copies

$(SIGMA_PYTHON)/bin/python:
	python3 -m venv $(SIGMA_PYTHON)
	$(SIGMA_PYTHON)/bin/pip install --quiet pysigma==0.11.23 pysigma-backend-elasticsearch==1.1.6 'pyparsing<3.2'

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME, 10s by default.
	@set -e; for package in $$($(GO) list $(PACKAGES)); do \
		listed=$$($(GO) test -list '^Fuzz' $$package); \
		for target in $$(echo "$$listed" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

CHANGES      ?= 100
MUTATED      ?= ./internal/splunk ./internal/translate/spl

.PHONY: full-sigma
full-sigma: ## Try all Sigma cases and rules under every mapping on a node; needs TOCSIN_ELASTICSEARCH_URL.
	TOCSIN_SIGMA_ALL=1 TOCSIN_SIGMA_MAPPINGS=plain,normalized,caseless $(GO) test -tags integration -count=1 -timeout 60m -v -run 'TestSigma(Rows|Regression|Published|Near)OnNode|TestSigma(Converted|Compat)' ./integration/

.PHONY: mutate
mutate: ## Change the code at random and count what the tests catch; MUTATED, CHANGES=100, SEED choose.
	$(GO) run ./tools/mutate -n $(CHANGES) -seed $(or $(SEED),0) $(MUTATED)

.PHONY: cover
.PHONY: screens
screens: ## Write docs/screens.md: what the commands print.
	TOCSIN_SCREENS=write $(GO) test -count=1 -run TestScreens ./cmd/runner

cover: ## Measure the coverage of the tests; `go tool cover -html=cover.out` shows it.
	$(GO) test -coverprofile=cover.out -coverpkg=./... $(PACKAGES)
	$(GO) tool cover -func=cover.out | tail -n 1

.PHONY: openapi
openapi: ## Write docs/openapi.json: the document of the API.
	TOCSIN_OPENAPI=write $(GO) test -count=1 -run TestDocument ./cmd/runner/internal/api

.PHONY: screenshots
screenshots: ## Write docs/images: the status page in a browser.
	TOCSIN_SCREENSHOTS=write $(GO) test -tags integration -count=1 -run TestScreenshots ./cmd/runner/internal/page

.PHONY: page
page: ## Try the status page in a real browser; needs Chromium and npm.
	$(GO) test -tags integration,invariants -count=1 -timeout 10m ./cmd/runner/internal/page

.PHONY: clean
clean: ## Remove what the other targets made.
	rm -rf bin cover.out
