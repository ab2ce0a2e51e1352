# imgasm: `make demo` shows it at work, `make test` proves it.
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0-dev)
GO        ?= go
export CGO_ENABLED ?= 0
E2E       ?= 1
GOFLAGS   += -trimpath
LDFLAGS   := -s -w -X main.version=$(VERSION)
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# Go's own dependency tracking is better than make's: always ask it.
.PHONY: build demo test test-all nix setup-test unit e2e lint cross remote-binaries bench fuzz soak pictures install uninstall clean

build: ## bin/imgasm
	$(GO) build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o bin/imgasm ./cmd/imgasm

demo: ## install what is missing, build, and rehearse a whole image build on this host
	.ci/setup demo
	$(MAKE) build GOFLAGS="$(GOFLAGS) -v"
	bin/imgasm doctor
	bin/imgasm rehearse --force --out bin/demo.qcow2

setup-test: # before the first minute of tests, not after it
	.ci/setup test

test: setup-test lint unit e2e ## what can be proven on this machine in a quarter of an hour; says what it leaves out

test-all: ## all of it
	$(MAKE) test E2E=all
	IMGASM_E2E=all $(GO) test -count=1 -timeout 60m ./assemble/project ./assemble/qcow2 ./assemble/sbom ./assemble/convert ./assemble/lima
	$(MAKE) nix

nix: ## what only test-all has of nix: a store of another machine, and a newer nix where apt can fetch one
	IMGASM_E2E=all $(GO) test -count=1 -v -run Nixos ./cmd/imgasm
	@command -v apt-get >/dev/null || { echo "no apt-get here that fetches a newer nix: left out"; exit 0; }; \
	dir=$$(.ci/nix) && export PATH="$$dir:$$PATH" && nix --version && \
	$(GO) test -count=1 ./nixglue/... ./nixos ./assemble/nixos ./assemble/nixdisk && IMGASM_E2E=all $(GO) test -count=1 -v -run Nixos ./cmd/imgasm

unit: ## no root, no network, no virtual machine
	$(GO) test ./...
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 $(GO) test -race -short ./...

e2e: setup-test ## whole builds in real virtual machines, by emulation where there is nothing faster
	IMGASM_E2E=$(E2E) $(GO) test -count=1 -timeout 60m -parallel 2 -p 1 -v -run 'E2E|DiesWith' ./cmd/imgasm ./qemu/... ./firmware ./assemble/boot ./assemble/nixdisk ./assemble/report ./assemble/rehearsal/debian ./nixos

lint: cross
	@test -z "$$(gofmt -l .)" || { echo 'gofmt:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(LINT) run ./...
	$(GO) mod tidy -diff

cross: ## the platforms that cannot be run here are at least compiled
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; GOOS=$$os GOARCH=$$arch $(GO) build $(GOFLAGS) ./... || exit 1; done; done

remote-binaries: build ## imgasm for other hosts, which --on copies to one that has none of this version
	@dir="$$(bin/imgasm cache dir)/remote" && mkdir -p "$$dir" && for os in linux darwin; do for arch in amd64 arm64; do \
		echo "build $$dir/imgasm-$$os-$$arch"; GOOS=$$os GOARCH=$$arch $(GO) build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o "$$dir/imgasm-$$os-$$arch" ./cmd/imgasm || exit 1; done; done

bench: ## speed, beside the tools that one would take instead; -v says which of them are missing
	$(GO) test -v -run '^$$' -bench . -benchtime 3x ./...

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} -fuzzminimizetime 10x $$p || exit 1; done; done

soak: setup-test ## signals and kill -9 at 40 random moments of whole builds on a stand-in for QEMU, at 8 of rehearsals in a real one, a full disk at 10: half an hour
	IMGASM_SOAK=1 $(GO) test -count=1 -timeout 60m -v -run 'Soak' ./cmd/imgasm

PICTURES  := $(CURDIR)/docs/pictures

pictures: build ## the README's pictures, of the runs that docs/pictures/record recorded; needs chromium and pngquant
	cd cmd/imgasm/testdata/judges/terminal && $(GO) run . $(PICTURES) $(PICTURES)/build.cast $(PICTURES)/disk-full.cast
	bin/imgasm report $(PICTURES)/disk-full.tar.zst --out bin/report.html
	@for look in 0-dark 1-light; do png=$(PICTURES)/report-$${look#*-}.png; \
		chromium --headless --no-sandbox --hide-scrollbars --log-level=3 --blink-settings=preferredColorScheme=$${look%-*} --window-size=1150,1130 --screenshot=$$png "file://$(CURDIR)/bin/report.html" && \
		pngquant --force --speed 1 --strip --output $$png $$png || exit 1; done
	cd bin && sha256sum report.html >$(PICTURES)/report.sha256

BIN       ?= bin/imgasm
PREFIX    ?= /usr/local
SHARE     := $(DESTDIR)$(PREFIX)/share

bin/imgasm:
	$(MAKE) build

install: $(BIN) ## binary, manual pages and completions below PREFIX, in DESTDIR
	umask 022 && mkdir -p "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" "$(SHARE)/zsh/site-functions" "$(SHARE)/fish/vendor_completions.d"
	install -m 755 $(BIN) "$(DESTDIR)$(PREFIX)/bin/imgasm"
	umask 022 && $(BIN) man "$(SHARE)/man/man1"
	umask 022 && $(BIN) completion bash >"$(SHARE)/bash-completion/completions/imgasm"
	umask 022 && $(BIN) completion zsh >"$(SHARE)/zsh/site-functions/_imgasm"
	umask 022 && $(BIN) completion fish >"$(SHARE)/fish/vendor_completions.d/imgasm.fish"

uninstall: ## removes what install has placed
	rm -f "$(DESTDIR)$(PREFIX)/bin/imgasm" "$(SHARE)/man/man1/imgasm.1" "$(SHARE)/man/man1/"imgasm-*.1 "$(SHARE)/bash-completion/completions/imgasm" "$(SHARE)/zsh/site-functions/_imgasm" "$(SHARE)/fish/vendor_completions.d/imgasm.fish"

clean:
	rm -rf bin
