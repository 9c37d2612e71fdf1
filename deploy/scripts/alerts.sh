#!/usr/bin/env bash
# Checks the alert rules and runs their tests, where promtool (Debian: prometheus) is installed.
set -euo pipefail
cd "$(dirname "$0")/../prometheus"
if ! command -v promtool > /dev/null; then
    echo "promtool is not installed: the alert rules are not checked here"
    exit 0
fi
promtool check rules conclave.rules.yml
promtool test rules conclave.rules.test.yml
