#!/usr/bin/env bash
# Makes a virtual environment of Python anew, if it is not made of these requirements: venv.sh FOLDER REQUIREMENTS
set -euo pipefail
venv="$1" requirements="$2"
stamp="$venv/requirements.txt"
if ! cmp -s "$requirements" "$stamp"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$stamp"
fi
