# Everything needs Go and nothing else. The engine is always built without cgo
# and with Go's faketime tag; the packages below it that contain Kubernetes are
# tested and vetted in the same way, so that it is compiled once.

SHELL       := bash
.SHELLFLAGS := -o pipefail -c

ENGINE_BUILD := -buildvcs=false -tags faketime
PACKAGES     := $(shell ./.ci/packages light)
HEAVY        := $(shell ./.ci/packages heavy)

.PHONY: run test test-say test-units test-heavy test-scenarios test-modules test-short test-torture test-conformance conformance torture fuzz engine bench bench-all bench-commit bench-idle bench-parts dist lint clean

run: ## a cluster with three nodes and a sample workload, until Ctrl-C
	go run ./cmd/demarc up

test: test-say test-units test-heavy test-scenarios test-modules test-torture test-conformance ## every test

test-say: ## how long that takes
	@go run ./cmd/demarc-bench -tests

# With -short the scenarios are some, and here none: they start engines.
test-units: ## what needs neither Kubernetes nor an engine
	go test -short -skip '^TestScenarios$$' $(PACKAGES)

# The time that a test bounds itself is virtual here: hours of it are over in
# seconds. Its parent, which knows real time, ends a test that hangs.
test-heavy: engine ## what is linked with Kubernetes, or needs a virtual clock
	./.ci/heavy $(ENGINE_BUILD) -timeout 20m $(HEAVY) demarc/sim/clock -args -test.timeout=1000h

test-scenarios: ## every scenario, each in an engine of its own
	go test -timeout 1h ./scenarios/...

test-modules: engine ## what is imported by other modules, and an example of one
	go build -buildvcs=false -o bin/demarc ./cmd/demarc
	for module in $$(./.ci/packages modules); do \
		(cd $$module && DEMARC=$(CURDIR)/bin/demarc go test ./...) || exit 1; \
	done

test-short: ## one scenario of each family
	go test -short ./scenarios/...

test-torture: engine ## a minute of what torture does
	go test -count 1 -timeout 10m -v ./sim/engine/torture

# Upstream's end-to-end tests take minutes to build, the first time.
CONFORMANCE := ./cmd/demarc exec -- go run ./cmd/demarc-conformance

test-conformance: engine ## twenty of upstream's conformance tests
	go run $(CONFORMANCE) -smoke

conformance: engine ## every conformance test of upstream's, in a table by SIG
	go run $(CONFORMANCE)

torture: engine ## kill engines, damage their data, fill their disks, and look for what is lost
	go test -count 1 -timeout 2h -v ./sim/engine/torture -args -full

FUZZTIME ?= 30s
fuzz: ## every fuzz target, each for FUZZTIME
	./.ci/fuzz $(FUZZTIME)

engine: ## bin/demarc-engine
	CGO_ENABLED=0 go build $(ENGINE_BUILD) -o bin/demarc-engine ./cmd/demarc-engine

# BENCH names benchmarks as go test -bench does. Test/… are the parts of make test.
BENCH ?= .
BENCHED := bin/bench.txt

bench: bench-all ## the benchmarks, in one table beside the figures of the last release
	go run ./cmd/demarc-bench $(BENCHED)

bench-commit: bench-all ## the same, and they become the figures of the release
	go run ./cmd/demarc-bench -commit $(BENCHED)

bench-all: engine
	go test -vet=off -run '^$$' -bench '$(BENCH)' -timeout 2h ./sim/engine | tee $(BENCHED)
	for part in units heavy scenarios short torture; do \
		if echo Test/$$part | grep -Eq '$(BENCH)'; then \
			GOFLAGS="$(GOFLAGS) -count=1" ./.ci/timed Test/$$part $(MAKE) --no-print-directory test-$$part | tee -a $(BENCHED) || exit 1; \
		fi; \
	done

bench-idle: engine ## what an idle engine does in a virtual hour; fails if it is a tenth more than the release's
	go test -vet=off -run '^$$' -bench '^BenchmarkIdle$$/^3-nodes$$' -benchtime 1x ./sim/engine >$(BENCHED) || { cat $(BENCHED); exit 1; }
	go run ./cmd/demarc-bench -gate $(BENCHED)

bench-parts: ## the benchmarks of parts, which are in no table
	go test -run '^$$' -bench . -timeout 1h $(filter-out demarc/sim/engine,$(PACKAGES))
	CGO_ENABLED=0 go test $(ENGINE_BUILD) -run '^$$' -bench . -timeout 10000h $(HEAVY)

dist: ## archives of demarc and its engine for every platform, with checksums and bills of materials
	go run ./cmd/demarc-dist

lint: ## format, vet, staticcheck
	./.ci/run lint

clean: ## what was built here; clusters and Go's caches stay
	rm -rf bin
