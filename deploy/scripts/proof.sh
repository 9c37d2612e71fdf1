#!/usr/bin/env bash
# A bounded sample of all that shows that Conclave keeps its promises: ten minutes on two cores, when all is built. Writes
# what was found as a table, target/proof.md, and ends with an error if anything was not as it must be.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
target="$CARGO_TARGET_DIR"
cargo build --locked --bin conclave --bin conclave-chaos --bin conclave-sim
cargo build --locked --release --bin conclave --bin conclave-bench
mkdir -p target
table=target/proof.md failed=()

# section TITLE COMMAND...: runs it, shows what it says, and puts its lines "what  figure" into the table.
section() {
    local title=$1 said
    shift
    said=$(mktemp)
    deploy/scripts/banner.sh "$title"
    "$@" 2>&1 | tee "$said" || failed+=("$title")
    {
        printf '\n## %s\n\n| what | figure |\n|---|---|\n' "$title"
        sed -nE 's/\|/\\|/g; s/^( *)(([^ ]| [^ ])+) {2,}([^ ].*)$/| \1\2 | \4 |/p' "$said" | sed -E 's/^\| {2,}/| - /'
    } >> "$table"
    rm -f "$said"
}

# What ordinary tests find, as lines of the same kind.
tests() {
    local said
    said=$(mktemp)
    cargo test --locked --quiet "$@" 2>&1 | tee "$said" || { cat "$said"; return 1; }
    awk '/^test result:/ { passed += $4; failed += $6 } END { printf "tests  %d passed, %d failed\n", passed, failed }' "$said"
    rm -f "$said"
}

{
    printf '# What a sample showed\n\n'
    printf '%s processors, %s, commit %s.\n' "$(nproc)" "$(uname -sr)" "$(git rev-parse --short HEAD)"
} > "$table"
section "Ring 1: simulated nodes" "$target/debug/conclave-sim" --seeds "${SEEDS:-100}"
section "Ring 2: three real processes under faults" \
    "$target/debug/conclave-chaos" --binary "$target/debug/conclave" --minutes "${MINUTES:-3}"
section "Ring 2: five of them" \
    "$target/debug/conclave-chaos" --binary "$target/debug/conclave" --minutes 1 --nodes 5
section "Ring 2: leaders killed" \
    "$target/debug/conclave-chaos" --binary "$target/debug/conclave" --minutes 1 --faults kill
section "Ring 3: checkers" tests --package conclave-checker
section "Ring 3: bytes that are not what is expected" tests --workspace --lib --bins fuzz_
section "A node that comes back without its data, 100,000 items of 256 bytes" \
    "$target/release/conclave-bench" --binary "$target/release/conclave" smoke
printf '\nwritten to %s\n' "$table"
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
