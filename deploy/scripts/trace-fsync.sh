#!/usr/bin/env bash
# Shows that every acknowledged write waits for an fdatasync on a majority: starts three nodes under
# strace in a temporary folder, makes writes one after another, and holds the time of each against the
# fdatasyncs that each node finished within it. Needs strace; trace-fsync.sh [WRITES]
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
writes="${1:-20}"
conclave="${CONCLAVE_BIN:-$CARGO_TARGET_DIR/release/conclave}"
command -v strace > /dev/null || { echo "strace is missing: apt-get install strace" >&2; exit 1; }
[ -x "$conclave" ] || { echo "$conclave is missing: build it first (make up)" >&2; exit 1; }

folder="$(mktemp -d)"
pids=()
# strace does not pass a signal on: its child is what has to be told.
finish() {
    for pid in "${pids[@]}"; do
        for node in $(cat "/proc/$pid/task/$pid/children" 2> /dev/null); do kill -TERM "$node" || true; done
    done
    wait
    rm -rf "$folder"
}
trap finish EXIT

members="1=127.0.0.1:4301/http://127.0.0.1:4401,2=127.0.0.1:4302/http://127.0.0.1:4402,3=127.0.0.1:4303/http://127.0.0.1:4403"
for node in 1 2 3; do
    strace -f -ttt -T -e trace=fdatasync,fsync -o "$folder/trace$node" \
        "$conclave" serve --node-id "$node" --cluster-name trace --data-dir "$folder/node$node" \
        --client-listen "127.0.0.1:440$node" --peer-listen "127.0.0.1:430$node" --initial-cluster "$members" \
        2> "$folder/log$node" &
    pids+=($!)
done
export CONCLAVE_ENDPOINTS="http://127.0.0.1:4401,http://127.0.0.1:4402,http://127.0.0.1:4403"
for _ in $(seq 100); do
    "$conclave" cluster status > /dev/null 2>&1 && break
    sleep 0.2
done
"$conclave" config create trace > /dev/null

without=0
for write in $(seq "$writes"); do
    before="$(date +%s.%N)"
    "$conclave" config put trace "n=$write" > /dev/null
    after="$(date +%s.%N)"
    synced=0
    for node in 1 2 3; do
        # A sync that began and ended within the write: its start, and how long it took, in angle brackets.
        if awk -v from="$before" -v to="$after" '
            /f(data)?sync/ && /= 0 <[0-9.]+>$/ {
                took = $NF; gsub(/[<>]/, "", took)
                ended = /resumed/ ? $2 : $2 + took
                if (ended >= from && ended <= to) found = 1
            }
            END { exit !found }' "$folder/trace$node"; then synced=$((synced + 1)); fi
    done
    [ "$synced" -ge 2 ] || without=$((without + 1))
done
echo "$writes writes acknowledged, $((writes - without)) of them after an fdatasync on at least two of three nodes"
[ "$without" -eq 0 ]
