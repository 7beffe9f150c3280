# The few targets people expect. `make ci` is what CI runs.
.PHONY: all build test race lint tidy proto bench fuzz cross arm64 release ci clean

all: build test

# The version of the binaries is what git says of the commit; without git it is what the Go toolchain knows.
version := $(shell git describe --tags --always --dirty 2>/dev/null)
ldflags := -X github.com/reactord/reactord/cmd/internal/version.described=$(version)

build: ## binaries into bin/
	go build -ldflags '$(ldflags)' -o bin/ ./cmd/reactord ./cmd/reactorctl

test:
	go test ./...

race: ## .ci/run says why not every package
	go list ./... | grep -v -e /executor/engine/meter -e /integration | xargs go test -race

lint:
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run
	cd proto && go run github.com/bufbuild/buf/cmd/buf@v1.75.0 lint

tidy: ## every module here, those of the examples and the tests too
	git ls-files '*go.mod' | while read -r module; do (cd "$$(dirname "$$module")" && go mod tidy) || exit 1; done

proto: ## generate the Go code of the API
	cd proto && go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate

bench: ## every benchmark, a minute or two each; docs/benchmarks.md says which figure is which
	go test -run '^$$' -bench . -benchtime 1x ./integration/bench

fuzz: ## each fuzz target for ten seconds
	.ci/fuzz 10s

cross:
	GOOS=darwin GOARCH=amd64 go build -o /dev/null ./cmd/reactord
	GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/reactord
	GOOS=linux GOARCH=arm64 go build -o /dev/null ./cmd/reactord

arm64: ## every test of the engine and the metering pass on arm64, by an emulator; half an hour
	.ci/arm64 -timeout 60m

release: ## a release that is not published, into dist/
	.ci/release

ci:
	.ci/run

clean:
	rm -rf bin dist dist-manual
