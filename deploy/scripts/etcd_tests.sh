#!/usr/bin/env bash
# Compares with real etcds, and has real clients of etcd work with Conclave: etcd_tests.sh [all]
#
# What cannot be brought to this machine is left out, with a word. `all` fails then, and runs what takes minutes too.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
if ! deploy/scripts/needs.sh etcd; then
    if [ "${1:-}" = all ]; then exit 1; fi
    echo "*** SKIPPED: etcd and its clients cannot be brought here, so nothing is compared with them (see above)"
    exit 0
fi
PROTOC="$(dirname "$CARGO_TARGET_DIR")/etcd_clients/protoc"
export PROTOC
cargo build --quiet --locked --manifest-path tests/etcd_clients/rust/Cargo.toml
cargo test --locked --workspace --test etcd
if [ "${1:-}" = all ]; then
    cargo clippy --quiet --locked --manifest-path tests/etcd_clients/rust/Cargo.toml -- -D warnings
    # What is measured is what is shipped.
    cargo build --locked --release --package conclave --bin conclave
    CONCLAVE_ETCD_CHECKED="$CARGO_TARGET_DIR/release/conclave" \
        cargo test --locked --workspace --test etcd -- --ignored --test-threads=1 --nocapture
fi
