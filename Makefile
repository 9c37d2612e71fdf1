# What people and CI run; `make help` lists it. Each target is a line or two: the work is in deploy/scripts.
SHELL := /bin/bash
.NOTPARALLEL:
.PHONY: help up down test test-etcd fmt clippy doc tidy deny unit sim cluster etcd chaos proof python alerts fuzz bench bench-goals bench-quick bench-smoke bench-catch-up bench-collection bench-locks fmt-fix clean-data

STEP := @deploy/scripts/banner.sh
RUN  := @. deploy/scripts/env.sh &&
# The tests beside each crate; the cluster tests, which start real processes, are a step of their own, and so are those
# that compare with a real etcd.
UNIT_TESTS := $(foreach file,$(wildcard crates/*/tests/*.rs),--test $(basename $(notdir $(file)))) \
              $(foreach file,$(filter-out %/cluster/main.rs %/etcd/main.rs,$(wildcard crates/*/tests/*/main.rs)),--test $(notdir $(patsubst %/main.rs,%,$(file))))

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

up: ## builds, starts three nodes on loopback with data under ./data, imports the examples
	@deploy/scripts/needs.sh build && deploy/scripts/up.sh
down: ## stops them; the data stays
	@deploy/scripts/down.sh
clean-data: down ## stops them and deletes ./data
	rm -rf data

test: needs-test fmt clippy doc tidy deny alerts unit sim cluster etcd chaos python ## all that CI runs
	@deploy/scripts/banner.sh "all passed"
.PHONY: needs-test
needs-test:
	@deploy/scripts/needs.sh test

fmt: ## is everything formatted
	$(STEP) "format"
	$(RUN) cargo fmt --all --check && cargo fmt --check --manifest-path tests/etcd_clients/rust/Cargo.toml
fmt-fix: ## formats everything
	$(RUN) cargo fmt --all && cargo fmt --manifest-path tests/etcd_clients/rust/Cargo.toml
clippy: ## lints, warnings denied
	$(STEP) "clippy"
	$(RUN) cargo clippy --locked --workspace --all-targets --test cluster --test etcd -- -D warnings
doc: ## documentation builds, warnings denied
	$(STEP) "documentation"
	$(RUN) RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
tidy: ## the house rules that a machine can hold
	$(STEP) "tidy"
	$(RUN) cargo xtask tidy
deny: ## licences and advisories, where cargo-deny is installed
	$(STEP) "dependencies"
	@deploy/scripts/deny.sh
unit: ## unit tests, properties and golden scripts
	$(STEP) "unit, property and golden tests"
	$(RUN) cargo test --locked --workspace --lib --bins $(UNIT_TESTS) && cargo test --locked --workspace --doc
cluster: ## tests with clusters of real processes
	$(STEP) "cluster tests"
	$(RUN) cargo test --locked --workspace --test cluster -- --test-threads=1
chaos: ## a dev build under faults for MINUTES (2), and whether what clients were told holds
	$(STEP) "real processes under faults"
	$(RUN) cargo build --locked --bin conclave --bin conclave-chaos && "$$CARGO_TARGET_DIR/debug/conclave-chaos" --binary "$$CARGO_TARGET_DIR/debug/conclave" --minutes $(or $(MINUTES),2) $(CHAOS)
proof: ## a sample of ten minutes of all that shows that promises are kept, as a table: target/proof.md
	@deploy/scripts/proof.sh
# A seed takes about 1.3 s of processor time in this build.
SEEDS ?= 200
sim: ## the deterministic simulation, SEEDS (200) seeds; SEEDS=100000 runs for days
	$(STEP) "simulation, $(SEEDS) seeds"
	$(RUN) cargo run --locked --package conclave-sim -- --seeds $(SEEDS)
etcd: ## answers compared with a real etcd's, and real clients of etcd, where they can be brought
	$(STEP) "etcd and its clients"
	@deploy/scripts/etcd_tests.sh
test-etcd: ## the same where nothing may be left out, and what etcdctl measures: not a part of `test`
	$(STEP) "etcd and its clients, all of it"
	@deploy/scripts/etcd_tests.sh all
python: ## the client made from proto/ alone, against a cluster
	$(STEP) "Python client tests"
	$(RUN) cargo build --locked --workspace --bin conclave --example counter_worker && deploy/scripts/python.sh
alerts: ## the alert rules, where promtool is installed
	$(STEP) "alert rules"
	@deploy/scripts/alerts.sh
fuzz: ## tries what reads others' bytes, MINUTES (1) a target, of TARGET (all)
	$(STEP) "fuzzing"
	$(RUN) BOLERO_RANDOM_TEST_TIME_MS=$$((60000 * $(or $(MINUTES),1))) BOLERO_RANDOM_ITERATIONS=1000000000000 cargo test --locked --workspace --no-fail-fast --lib --bins $(UNIT_TESTS) -- $(or $(TARGET),fuzz_) --nocapture
bench: ## release builds beside etcd, all that docs/performance.md tells, and that page: some 4 hours; GO_ON=1 goes on
	$(STEP) "bench"
	@deploy/scripts/bench.sh full $(BENCH)
bench-goals: ## the same, of what goals are about, beside etcd 3.5.1 alone: some 40 minutes
	$(STEP) "bench goals"
	@deploy/scripts/bench.sh goals $(BENCH)
bench-quick: ## a release build beside etcd, five cases: within 5 minutes
	$(STEP) "bench quick"
	@deploy/scripts/bench.sh quick $(BENCH)
bench-smoke: ## a release build with 100,000 items: start, memory, disk, backup, catch-up
	$(STEP) "bench smoke"
	$(RUN) cargo build --release --locked --bin conclave --bin conclave-bench && "$$CARGO_TARGET_DIR/release/conclave-bench" --binary "$$CARGO_TARGET_DIR/release/conclave" smoke
bench-catch-up: ## a release build with 1,000,000 items: writes while a node catches up; 5 to 10 minutes
	$(STEP) "bench catch-up"
	$(RUN) cargo build --release --locked --bin conclave --bin conclave-bench && "$$CARGO_TARGET_DIR/release/conclave-bench" --binary "$$CARGO_TARGET_DIR/release/conclave" catch-up
bench-locks: ## a release build: how many locks are acquired and released; a minute and a half
	$(STEP) "bench locks"
	$(RUN) cargo build --release --locked --bin conclave --bin conclave-bench && "$$CARGO_TARGET_DIR/release/conclave-bench" --binary "$$CARGO_TARGET_DIR/release/conclave" locks
bench-collection: ## a release build with 200,000 versions: writes while all but ten of them are dropped; 2 to 3 minutes
	$(STEP) "bench collection"
	$(RUN) cargo build --release --locked --bin conclave --bin conclave-bench && "$$CARGO_TARGET_DIR/release/conclave-bench" --binary "$$CARGO_TARGET_DIR/release/conclave" collection
