#!/usr/bin/env bash
# Stops the nodes that up.sh started: each hands leadership over, finishes what it has begun and ends.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/nodes.sh

for node in $NODES; do
    if running "$node"; then kill -TERM "$(pid_of "$node")"; fi
done
for node in $NODES; do
    # A node ends by itself within its grace period of 10 s.
    for _ in $(seq 150); do
        running "$node" || break
        sleep 0.1
    done
    if running "$node"; then
        echo "node $node did not stop within 15 s; its log: data/node$node.log" >&2
        exit 1
    fi
    rm -f "data/node$node.pid"
done
echo "stopped; the data is in ./data"
