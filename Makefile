# Everything needs Go and nothing else. The engine is always built without cgo
# and with Go's faketime tag; the packages below it that contain Kubernetes are
# tested and vetted in the same way, so that it is compiled once.

ENGINE_BUILD := -buildvcs=false -tags faketime
PACKAGES     := $(shell ./.ci/packages light)
HEAVY        := $(shell ./.ci/packages heavy)

.PHONY: run test test-units test-heavy test-scenarios test-torture torture fuzz engine bench bench-scale lint clean

run: ## a cluster with three nodes and a sample workload, until Ctrl-C
	go run ./cmd/demarc up

test: test-units test-heavy test-scenarios test-torture ## every test

test-units: ## what needs neither Kubernetes nor an engine
	go test -short $(PACKAGES)

# The time that a test bounds itself is virtual here: hours of it are over in
# seconds. Its parent, which knows real time, ends a test that hangs.
test-heavy: engine ## what is linked with Kubernetes, or needs a virtual clock
	CGO_ENABLED=0 go test $(ENGINE_BUILD) -timeout 20m $(HEAVY) demarc/sim/clock -args -test.timeout=1000h

test-scenarios: ## every scenario, each in an engine of its own
	go test -timeout 1h ./scenarios/...

test-torture: engine ## a minute of what torture does
	go test -count 1 -timeout 10m -v ./sim/engine/torture

torture: engine ## kill engines, damage their data, fill their disks, and look for what is lost
	go test -count 1 -timeout 2h -v ./sim/engine/torture -args -full

FUZZTIME ?= 30s
fuzz: ## every fuzz target, each for FUZZTIME
	./.ci/fuzz $(FUZZTIME)

engine: ## bin/demarc-engine
	CGO_ENABLED=0 go build $(ENGINE_BUILD) -o bin/demarc-engine ./cmd/demarc-engine

bench: engine ## the benchmarks
	go test -run '^$$' -bench . -timeout 1h $(PACKAGES)
	CGO_ENABLED=0 go test $(ENGINE_BUILD) -run '^$$' -bench . -timeout 10000h $(HEAVY)

bench-scale: engine ## of these, 1,000 nodes, 10,000 pods, and a storm of 80 broken nodes
	go test -run '^$$' -bench 'Nodes1000|Storm200' -benchtime 1x -timeout 1h ./sim/engine

lint: ## format, vet, staticcheck
	./.ci/run lint

clean: ## what was built here; clusters and Go's caches stay
	rm -rf bin
