# The two commands of the README are `make demo` and `make test`.
GO      ?= go
VERSION ?= 0.1.0-dev
STAMP    = -X main.version=$(VERSION)
PLUGIN   = -buildmode=c-shared -trimpath -ldflags '-s -w -extldflags "-Wl,--version-script=$(CURDIR)/plugin/exports.map"'
HOSTSRC  = $(wildcard plugin/host/*.c)

.PHONY: build native native-host demo torture soak dist pkg demo-build trial-build test test-stories test-postgres lint bench fuzz pictures pictures-panel clean

## build: the binaries of this machine, in bin/
build: bin/Latchkey.so bin/latchkey-host
	$(GO) build -trimpath -ldflags '$(STAMP)' -o bin/ ./cmd/...

bin/Latchkey.so: FORCE
	@mkdir -p bin
	CGO_ENABLED=1 $(GO) build $(PLUGIN) -tags terminalpanel -o $@ ./plugin
	@rm -f bin/Latchkey.h

HOST = $(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -pthread

bin/latchkey-host: $(HOSTSRC) plugin/host/host.h plugin/abi/authorization_plugin.h
	@mkdir -p bin
	$(HOST) -o $@ $(HOSTSRC) -ldl

## native: the plug-in with the panel of the Mac, and a host with an application for it, against GNUstep
# Both are for tests and for looking at the panel (docs/panel.md).
NATIVE ?= bin
GNUSTEP = $(CURDIR)/.ci/gnustep-cc
native:
	@mkdir -p $(NATIVE)
	CC=$(GNUSTEP) CGO_ENABLED=1 $(GO) build $(PLUGIN) -tags gnustep -o $(NATIVE)/Latchkey-native.so ./plugin
	@rm -f $(NATIVE)/Latchkey-native.h
	@$(MAKE) --no-print-directory native-host

## native-host: the host alone, part of native; SANITIZE holds further flags of the compiler
native-host:
	@mkdir -p $(NATIVE)
	$(GNUSTEP) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 $(SANITIZE) -c -o $(NATIVE)/loop.o plugin/host/window/loop.m
	$(HOST) $(SANITIZE) -o $(NATIVE)/latchkey-host-native $(filter-out plugin/host/loop.c,$(HOSTSRC)) $(NATIVE)/loop.o -lgnustep-gui -lgnustep-base -lobjc -ldl
	@rm -f $(NATIVE)/loop.o

## dist: what is installed on a Mac, in dist/, with a report of what is in it (on Linux or on a Mac)
# It is built once more from a copy of the source elsewhere, with nothing of the
# first build to lean on, and both are the same to the byte.
DIST ?= dist
dist:
	@[ "$$(uname)" = Darwin ] || bash .ci/prepare dist
	VERSION=$(VERSION) GO=$(GO) bash packaging/darwin/dist $(DIST)

## pkg: the installer package of what dist has built, in dist/pkg: a flat .pkg on a Mac, its payload and scripts elsewhere
# On a Mac INSTALLER_IDENTITY signs it, and NOTARY_PROFILE has Apple see it (docs/package.md).
pkg: dist
	VERSION=$(VERSION) GO=$(GO) bash packaging/darwin/pkg/make $(DIST)

# A trial (internal/trial) moves time, so its daemon and server are builds of
# their own. It writes to its own folder alone: tests build at the same time.
TRIAL ?= bin/demo
trial-build:
	@mkdir -p $(TRIAL)
	$(GO) build $(RACE) -trimpath -tags simclock -ldflags '$(STAMP)' -o $(TRIAL)/ ./cmd/latchkeyd ./cmd/latchkey-server
	$(GO) build -trimpath -ldflags '$(STAMP)' -o $(TRIAL)/ ./cmd/latchkey ./cmd/authhost
	CGO_ENABLED=1 $(GO) build $(PLUGIN) -tags terminalpanel -o $(TRIAL)/Latchkey.so ./plugin
	@rm -f $(TRIAL)/Latchkey.h
	$(HOST) -o $(TRIAL)/latchkey-host $(HOSTSRC) -ldl

demo-build: trial-build
	$(GO) build -trimpath -ldflags '$(STAMP)' -o bin/demo/ ./demo

## demo: the main job, in this terminal; AUTO=1 plays it unattended
demo: demo-build
	bin/demo/demo --bin bin/demo $(if $(AUTO),--auto,)

## torture: thousands of SIGKILLs, and disks that fail, against the model in torture/
KILLS ?= 3000
torture: trial-build
	$(GO) run ./torture --bin $(TRIAL) --kills $(KILLS)

## soak: days of an office of 50, with nothing killed: memory and descriptors stay flat
SOAK ?= 20m
soak: trial-build
	$(GO) run ./torture --bin $(TRIAL) --users 50 --soak $(SOAK)

## test: installs what it needs on Debian, then runs everything
test:
	bash .ci/prepare
	$(MAKE) lint
# Tests that start programs mostly wait for them: one package more than there
# are processors keeps these busy.
	$(GO) test -race -p $(shell expr $$(nproc 2>/dev/null || echo 2) + 1) -timeout 14m $$($(GO) list ./... | grep -v -E '/(stories|torture|plugin/abitest)$$')
	$(MAKE) -j3 -Otarget test-stories test-postgres demo AUTO=1

## test-stories: what is played for long, and C that is driven by Go. The attacks, and each package by itself, have run with the race detector; with it in daemon
## and server too these take twice as long: GOFLAGS=-race make test-stories
test-stories:
	$(GO) test -timeout 14m ./stories ./torture ./plugin/abitest

## test-postgres: all tests that use the server's database, on PostgreSQL instead of SQLite; the console without a browser, which is the same on both
POSTGRES = desk access scim tlscert directory deviceapi systemlog forward pki recovery factor federation signin adminapi authenticator directauth webpush metrics
test-postgres:
	LATCHKEY_TEST_DATABASE=postgres $(GO) test -timeout 8m ./cmd/latchkey-server $(addprefix ./internal/server/,$(POSTGRES))
	LATCHKEY_TEST_DATABASE=postgres $(GO) test -timeout 8m -skip '^TestBrowser' ./internal/server/console

## lint: formatting, vet, and the rules of .golangci.yml, for Linux and for the Mac
lint:
	bash .ci/lint

## bench: what docs/performance.md claims, measured here; prints one table, writes nothing. ONLY=mac or ONLY=org is a part of it
MACS ?= 1000000
bench: bin/bench/bench-host
	$(GO) build -trimpath -ldflags '$(STAMP)' -o bin/bench/ ./cmd/latchkeyd ./cmd/latchkey-server
	CGO_ENABLED=1 $(GO) build $(PLUGIN) -o bin/bench/Latchkey.so ./plugin
	@rm -f bin/bench/Latchkey.h
	@$(GO) run ./bench --bin bin/bench --macs $(MACS) --only "$(ONLY)"

bin/bench/bench-host: $(wildcard bench/host/*.c) plugin/abi/authorization_plugin.h
	@mkdir -p bin/bench
	$(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -pthread -o $@ bench/host/*.c -ldl

## fuzz: every parser for FUZZTIME; FUZZ is a pattern of "folder target"
FUZZTIME ?= 60s
FUZZ     ?= .
fuzz:
	bash .ci/fuzz $(FUZZTIME) '$(FUZZ)'

## pictures: the screens in docs/img, from a run of the demo (needs Chromium and Xvfb)
pictures: demo-build pictures-panel
	bash .ci/pictures

## pictures-panel: the native panel's screens in docs/img/panel (needs Xvfb and GNUstep)
pictures-panel:
	@mkdir -p docs/img/panel
	PANEL_SHOTS=$(CURDIR)/docs/img/panel $(GO) test -count=1 -run 'TestNative|TestThePanelOfTheMac' ./plugin/abitest ./stories

clean:
	rm -rf bin dist .demo

FORCE:
