#!/usr/bin/env bash
# Client libraries of etcd to test with, beside the target directory: in Python, in Node.js, and what the one in Rust is
# built with.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
caches="$(dirname "$CARGO_TARGET_DIR")"
home="$caches/etcd_clients"
clients=tests/etcd_clients
mkdir -p "$home"

deploy/scripts/venv.sh "$home/python" $clients/python/requirements.txt

if ! command -v npm > /dev/null; then
    echo "npm is not installed: the client of Node.js is not tested"
elif ! cmp -s $clients/node/package-lock.json "$home/node/installed.json"; then
    rm -rf "$home/node"
    mkdir "$home/node"
    cp $clients/node/package.json $clients/node/package-lock.json "$home/node"
    (cd "$home/node" && npm ci --silent --ignore-scripts --no-fund --no-audit)
    cp $clients/node/package-lock.json "$home/node/installed.json"
fi

# The etcd-client crate compiles its definitions with protoc, which comes along with the tools of the Python tests.
deploy/scripts/venv.sh "$caches/venv" tests/python/requirements.txt
if [ ! -x "$home/protoc" ]; then
    printf '#!/bin/sh\nexec "%s" -m grpc_tools.protoc "$@"\n' "$caches/venv/bin/python" > "$home/protoc"
    chmod +x "$home/protoc"
fi
