# Berth. `make` shows what there is to make.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# The default build has no cgo; ENGINE=wasmtime adds the second engine, which needs it.
ENGINE ?= wazero
TAGS := $(if $(filter wasmtime,$(ENGINE)),-tags wasmtime)
export CGO_ENABLED ?= $(if $(filter wasmtime,$(ENGINE)),1,0)
GOFLAGS_BUILD := -trimpath $(TAGS)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# What is derived from downloads or compiled once lies in folders that git ignores.
TOOLS := $(CURDIR)/.tools
export BERTH_CACHE_DIR ?= $(CURDIR)/.cache/berth
STATICCHECK := $(TOOLS)/staticcheck
STATICCHECK_VERSION := v0.8.2

# A component is a folder with a plugin.yaml; its path is its type.
COMPONENTS := $(patsubst components/%/plugin.yaml,%,$(wildcard components/*/*/plugin.yaml))
PLUGINS := $(foreach c,$(COMPONENTS),dist/plugins/$(subst /,.,$(c)).wasm)
# These also travel inside berthd.
EMBEDDED := state/in-memory
EMBEDDED_FILES := $(foreach c,$(EMBEDDED),cmd/berthd/embedded/$(subst /,.,$(c)).wasm)

# Go modules of their own: the guest SDK, the components, and tests with dependencies that the product must not have.
MODULES := $(sort $(dir $(shell git ls-files --cached --others --exclude-standard '*/go.mod' | grep -v -e /testdata/ -e ^sdk-guest/template/)))

HOST_SOURCES := go.mod go.sum $(shell find abi plugins host cmd conformance -name '*.go' -not -name '*_test.go' 2>/dev/null)
SDK_SOURCES := $(shell find sdk-guest/go -name '*.go' -not -name '*_test.go')

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
	@echo
	@echo 'ENGINE=wasmtime builds and tests with the second engine as well (needs a C compiler).'

# System packages that some targets need, see scripts/setup-debian.
.PHONY: has-gcc has-wabt
has-gcc:
	@command -v gcc >/dev/null || scripts/setup-debian
has-wabt:
	@command -v wat2wasm >/dev/null || scripts/setup-debian

.PHONY: run
run: build ## start the sidecar with its embedded components and show a first call
	@scripts/first-call

.PHONY: build
build: bin/berthd bin/berth $(PLUGINS) ## build bin/berthd, bin/berth and dist/plugins

.PHONY: components
components: $(PLUGINS) ## build the first-party plugins into dist/plugins
	@ls -l $(PLUGINS) | awk '{printf "%-42s %9d bytes\n", $$9, $$5}'

# Changes when ENGINE does, so that the binaries are built anew.
.cache/engine: FORCE
	@mkdir -p .cache && (echo $(ENGINE) | cmp -s - $@ || echo $(ENGINE) > $@)
.PHONY: FORCE

bin/berth: $(HOST_SOURCES) .cache/engine
	@echo "building $@"
	@go build $(GOFLAGS_BUILD) -ldflags='-s -w -X github.com/berth-run/berth/host.Version=$(VERSION)' -o $@ ./cmd/berth

bin/berthd: $(HOST_SOURCES) $(EMBEDDED_FILES) .cache/engine
	@echo "building $@"
	@go build $(GOFLAGS_BUILD) -ldflags='-s -w -X github.com/berth-run/berth/host.Version=$(VERSION)' -o $@ ./cmd/berthd

# One rule for every component: build for the sandbox, then pack with the manifest.
define plugin_rule
dist/plugins/$(subst /,.,$(1)).wasm: $(shell find components/$(1) -name '*.go' -not -name '*_test.go') components/$(1)/go.mod components/$(1)/plugin.yaml $(SDK_SOURCES) | bin/berth
	@echo "building $$@"
	@mkdir -p dist/plugins .cache/wasm
	@cd components/$(1) && GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -buildmode=c-shared -trimpath -buildvcs=false -o $(CURDIR)/.cache/wasm/$(subst /,.,$(1)).wasm .
	@bin/berth plugin pack .cache/wasm/$(subst /,.,$(1)).wasm --manifest components/$(1)/plugin.yaml -o $$@
endef
$(foreach c,$(COMPONENTS),$(eval $(call plugin_rule,$(c))))

cmd/berthd/embedded/%.wasm: dist/plugins/%.wasm
	@mkdir -p $(@D) && cp $< $@

.PHONY: test
test: build $(if $(filter wasmtime,$(ENGINE)),has-gcc) ## build everything and run every test
	@for m in $(MODULES); do echo "== $$m"; (cd $$m && go vet ./... && BERTH_ENGINE=$(ENGINE) go test ./...) || exit 1; done
	@echo "== ./"
	@BERTH_ENGINE=$(ENGINE) go test $(TAGS) ./...

.PHONY: race
race: build has-gcc ## run the host's tests under the race detector (needs a C compiler)
	@CGO_ENABLED=1 go test -race $(TAGS) ./abi/... ./plugins/... ./host/... ./conformance/...

.PHONY: fuzz
fuzz: build ## a short run of every fuzz target; FUZZTIME=10s each
	@scripts/fuzz $(or $(FUZZTIME),10s)

.PHONY: lint
lint: $(STATICCHECK) ## gofmt, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); test -z "$$out" || { echo "gofmt these files:"; echo "$$out"; exit 1; }
	@go vet $(TAGS) ./...
	@$(STATICCHECK) $(TAGS) ./...
	@for m in $(MODULES); do (cd $$m && $(STATICCHECK) ./...) || exit 1; done

$(STATICCHECK):
	@echo "installing staticcheck $(STATICCHECK_VERSION) into .tools"
	@GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

.PHONY: gen
gen: has-wabt ## write generated files anew
	@go generate ./...

.PHONY: check
check: lint has-wabt ## lint, import rules, generated files and docs current, modules tidy
	@scripts/check-generated
	@go test -count=1 -run 'TestImportRules|TestFileNames' ./host

.PHONY: conformance
conformance: build ## run the hostile guests, and a component from outside the tree
	@BERTH_ENGINE=$(ENGINE) go test $(TAGS) -count=1 ./conformance/...

.PHONY: bench
bench: build ## measure, as ratios against a peer in the same run
	@go run $(TAGS) ./conformance/bench

.PHONY: dist
dist: build ## archives for this platform in dist/
	@mkdir -p dist && tar -czf dist/berth-$(VERSION)-$$(go env GOOS)-$$(go env GOARCH).tar.gz bin/berthd bin/berth dist/plugins LICENSE README.md
	@cd dist && sha256sum *.tar.gz plugins/*.wasm | tee SHA256SUMS

.PHONY: clean
clean: ## remove what was built (not the caches)
	@rm -rf bin dist cmd/berthd/embedded/*.wasm
