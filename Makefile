# A thin front to the CMake presets: `make help`.
# Needs nothing but make: what is missing is named, and installed from Debian's packages.

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
DEPS := cmake/install-deps.sh
BUILD := cmake --build --parallel $(JOBS) --preset

.PHONY: help demo test tests test-foreign lint fuzz bench bench-quick package package-check dist clean build
help:
	@echo 'make demo     build, then play short scenes with server and clients on loopback'
	@echo 'make test     everything CI runs: unit tests, simulation, interop, sanitizers, lint'
	@echo 'make test-foreign  the tests of the cores on s390x (big-endian) and i386 (32 bits)'
	@echo 'make build    build only (build/default/src/server/wherryd, .../client/wherry)'
	@echo 'make lint     formatting, static analysis, manual pages'
	@echo 'make fuzz     each fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make bench    speed and memory beside other servers, 25 minutes at most'
	@echo 'make bench-quick   the first rows of it, under 90 seconds'
	@echo 'make package  Debian packages, into build/package'
	@echo 'make package-check   ... and what lintian, blhc, piuparts, autopkgtest say of them'
	@echo 'make dist     a tarball of the last commit that builds the same packages, into build/'
	@echo 'make clean    remove build/'

build:
	@$(DEPS) build
	@cmake --preset default >/dev/null
	@$(BUILD) default

demo:
	@$(DEPS) build peers
	@cmake --preset default >/dev/null
	@$(BUILD) default --target wherryd wherry tftp_load test_sandbox
	@interop/fetch-peers.sh || echo 'demo: goes on without servers of others'
	@interop/demo.sh

test:
	@$(DEPS) build peers lint package
	@tests/all.sh

# Else make finds the directory and has nothing to do.
tests: test

test-foreign:
	@$(DEPS) build foreign
	@tests/foreign.sh

lint:
	@$(DEPS) build lint
	@cmake --preset default >/dev/null
	@tests/lint.sh

fuzz:
	@$(DEPS) build lint
	@cmake --preset fuzz >/dev/null
	@$(BUILD) fuzz --target fuzzers
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

bench:
	@$(DEPS) build peers bench
	@cmake --preset default >/dev/null
	@$(BUILD) default --target wherryd wherry tftp_load raw tcp_load
	@bench/run.sh
	@bench/tcp.sh

bench-quick:
	@$(DEPS) build peers
	@cmake --preset default >/dev/null
	@$(BUILD) default --target wherryd tftp_load raw
	@bench/run.sh --quick

package:
	@$(DEPS) build package
	@debian/build-packages.sh build/package

package-check:
	@$(DEPS) build package package-check
	@tests/package-check.sh

dist:
	@cmake/dist.sh build

clean:
	rm -rf build
