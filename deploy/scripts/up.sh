#!/usr/bin/env bash
# Builds the release binary, starts the three nodes of deploy/local with their data under ./data, waits until
# they have a leader, imports the example configuration where it is not there yet, and prints how to talk to
# them. Nodes that run already are left as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
. deploy/scripts/nodes.sh

fail() { echo "$*" >&2; exit 1; }

show_log() {
    echo "the end of data/node$1.log:" >&2
    tail -n 15 "data/node$1.log" | sed 's/^/    /' >&2
}

# Whether somebody listens at a port of loopback.
taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

start() {
    local node="$1" port
    for port in "410$node" "420$node"; do
        if taken "$port"; then
            fail "port $port, which node $node needs, is in use by another program: stop that one, or change deploy/local"
        fi
    done
    # A session of its own: the node goes on when this terminal closes.
    setsid "$conclave" serve --config "deploy/local/node$node.toml" >> "data/node$node.log" 2>&1 < /dev/null &
    echo $! > "data/node$node.pid"
    until running "$node" || ! kill -0 $! 2> /dev/null; do sleep 0.02; done
}

check_running() {
    local node
    for node in $NODES; do
        running "$node" || { show_log "$node"; fail "node $node has ended"; }
    done
}

echo "building (the first time this compiles RocksDB: ten to twenty minutes on two cores)"
cargo build --locked --release --package conclave --bin conclave
mkdir -p data bin
# The nodes run a copy, so that a later build does not touch a program that is in use.
conclave="bin/conclave"
cmp -s "$CARGO_TARGET_DIR/release/conclave" "$conclave" || install -m 755 "$CARGO_TARGET_DIR/release/conclave" "$conclave"

# What the environment says of Conclave is not meant for these nodes.
unset "${!CONCLAVE_@}"
started=()
for node in $NODES; do
    if running "$node"; then continue; fi
    start "$node"
    started+=("$node")
done
if [ ${#started[@]} -gt 0 ]; then echo "started: node ${started[*]}"; else echo "all nodes run already"; fi

export CONCLAVE_ENDPOINTS="$ENDPOINTS"
deadline=$((SECONDS + 60))
until "$conclave" cluster status --timeout 2s > /dev/null 2>&1; do
    check_running
    if [ "$SECONDS" -ge "$deadline" ]; then
        for node in $NODES; do show_log "$node"; done
        fail "the nodes have found no leader within 60 s"
    fi
    sleep 0.2
done
check_running

while read -r namespace file; do
    case "$namespace" in "" | "#"*) continue ;; esac
    code=0
    "$conclave" config history "$namespace" --limit 1 > /dev/null 2>&1 || code=$?
    case "$code" in
        0) ;;
        # 3: there is no such namespace, and there never was. A deleted one has its history, and stays deleted.
        3) "$conclave" config import "$namespace" "deploy/examples/$file" --create-namespace \
            --author "make up" --message "example configuration: $file" ;;
        *) "$conclave" config history "$namespace" --limit 1 > /dev/null
           fail "namespace $namespace cannot be read" ;;
    esac
done < deploy/examples/namespaces.txt

echo
"$conclave" cluster status
cat << END

Talk to it:
    export PATH="\$PWD/bin:\$PATH" CONCLAVE_ENDPOINTS=127.0.0.1:4101,127.0.0.1:4102,127.0.0.1:4103
    conclave config list
    conclave config get shop/prod
    conclave config put shop/prod spring.datasource.hikari.maximum-pool-size=48 --message "more connections"
    conclave config history shop/prod
    conclave config watch shop/prod
    conclave cluster status

The data is in ./data, each node's log in data/nodeN.log. make down stops the nodes.
END
