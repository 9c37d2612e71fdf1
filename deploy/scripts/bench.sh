#!/usr/bin/env bash
# Conclave beside etcd, three nodes of each in turn, from release builds: bench.sh quick|goals|full [OPTION...]
#
# `full` and `goals`, which is what goals are about, keep their samples in docs/performance/samples.jsonl and make
# docs/performance.md from them; with GO_ON=1 they go on with those that are there. `quick` prints a table, and keeps its samples in the target directory. Options are
# those of `conclave-bench compare`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
plan="${1:-}"
case "$plan" in
    quick|goals|full) shift ;;
    *) echo "usage: bench.sh quick|goals|full [OPTION...]" >&2; exit 2 ;;
esac
deploy/scripts/needs.sh build
deploy/scripts/etcd.sh install
cargo build --release --locked --bin conclave --bin conclave-bench
commit="$(git rev-parse --short HEAD)"
git diff --quiet HEAD -- crates Cargo.lock || commit="$commit and changes"
bench="$CARGO_TARGET_DIR/release/conclave-bench"
# The nodes' data: on a disk, also where /tmp is memory.
export TMPDIR="$CARGO_TARGET_DIR/bench"
mkdir -p "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT

if [ "$plan" = quick ]; then
    samples="$CARGO_TARGET_DIR/bench-quick.jsonl"
    rm -f "$samples"
    "$bench" compare --plan quick --commit "$commit" --raw "$samples" "$@"
    exit
fi
samples=docs/performance/samples.jsonl
mkdir -p "$(dirname "$samples")"
if [ -n "${GO_ON:-}" ] && [ -e "$samples" ]; then set -- --go-on "$@"; else rm -f "$samples"; fi
peers=(--peer conclave --peer etcd)
[ "$plan" = goals ] || peers+=(--peer "etcd:$(dirname "$CARGO_TARGET_DIR")/etcd/3.4.23/etcd")
failed=0
"$bench" compare --plan "$plan" --commit "$commit" "${peers[@]}" --raw "$samples" "$@" || failed=$?
"$bench" report --raw "$samples" --out docs/performance.md
exit "$failed"
