#!/usr/bin/env bash
# Checks licences and advisories against deny.toml. cargo-deny takes minutes to build, so it is run
# where it is installed and not required where it is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
if command -v cargo-deny > /dev/null; then
    cargo deny --locked check
else
    echo "cargo-deny is not installed: skipped (cargo install cargo-deny --locked)"
fi
