#!/usr/bin/env bash
# Builds the image conclave:<version> from the release program: deploy/docker/build.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-}
if [ -z "$program" ]; then
    . deploy/scripts/env.sh
    cargo build --release --locked --bin conclave
    program=$CARGO_TARGET_DIR/release/conclave
fi
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir -p "$context/root/usr/local/bin" "$context/root/tmp" "$context/data"
chmod 1777 "$context/root/tmp"
cp "$program" "$context/root/usr/local/bin/conclave"
# The libraries at the places where the loader looks for them, the loader itself among them.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$context/root$(dirname "$library")"
    cp -L "$library" "$context/root$library"
done
cp deploy/docker/Dockerfile "$context/"
version=$("$program" version | head -1 | grep -o '[0-9][0-9.]*' | head -1)
# The classic builder: BuildKit may want an image of its own.
DOCKER_BUILDKIT=0 docker build -q -t "conclave:$version" -t conclave:latest "$context"
docker image inspect --format 'conclave:'"$version"', {{.Size}} bytes' "conclave:$version"
