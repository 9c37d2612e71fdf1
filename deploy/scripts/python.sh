#!/usr/bin/env bash
# Runs the Python tests against the binary in the target directory, in a virtual environment beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
venv="$(dirname "$CARGO_TARGET_DIR")/venv"
deploy/scripts/venv.sh "$venv" tests/python/requirements.txt
export CONCLAVE_BIN="${CONCLAVE_BIN:-$CARGO_TARGET_DIR/debug/conclave}"
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" -m pytest -p no:cacheprovider "${@:-tests}"
