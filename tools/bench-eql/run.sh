#!/bin/sh
# Compares the set of rules with PyPI's eql as an engine, on the EQL event rules that it takes, and on
# the same events, one core each. Makes a virtual environment of its own.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install eql==1.0.1
export TOCSIN_EQL_DIR="$dir"
go test -count=1 -run TestSetAgainstOtherEngine ./internal/query
"$dir/venv/bin/python" tools/bench-eql/bench.py "$dir/rules.ndjson" "$dir/events.ndjson" >"$dir/answer.json"
go test -count=1 -v -run TestSetAgainstOtherEngine ./internal/query
