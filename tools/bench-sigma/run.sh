#!/bin/sh
# Makes what bench-sigma needs, once, and runs it. Variables: SIGMA (a checkout of SigmaHQ/sigma, or a directory
# of the same form), RSIGMA (the program; else cargo installs it, where there is a cargo), RUNS, EVENTS, RULES, SEED.
set -eu
cd "$(dirname "$0")/../.."
dir=bin/sigma
SIGMA=${SIGMA:-../shared/corpus/sigma}
RSIGMA=${RSIGMA:-}
version=0.23.0
[ -d "$SIGMA/rules" ] || { echo "bench-sigma: SIGMA=$SIGMA has no directory rules" >&2; exit 1; }
mkdir -p "$dir"
if [ ! -e "$dir/venv/ready" ]; then
	python3 -m venv "$dir/venv"
	"$dir/venv/bin/pip" install --quiet -r tools/bench-sigma/requirements.txt
	touch "$dir/venv/ready"
fi
if [ -z "$RSIGMA" ]; then
	RSIGMA=$dir/bin/rsigma
	if [ ! -x "$RSIGMA" ] && ! command -v cargo >/dev/null; then
		echo "rsigma is left out: there is no cargo to install it with"
		RSIGMA=
	elif [ ! -x "$RSIGMA" ] && ! cargo install rsigma --quiet --version "$version" --features daachorse-index --locked --root "$dir"; then
		echo "rsigma is left out: cargo could not install it"
		RSIGMA=
	fi
fi
"$dir/venv/bin/python" tools/bench-sigma/convert.py "$SIGMA" "$dir/converted"
go run ./tools/bench-sigma -runner bin/runner -rsigma "$RSIGMA" -work "$dir/work" -converted "$dir/converted" \
	-recorded "$SIGMA/regression/regression.ndjson" -runs "${RUNS:-7}" -events "${EVENTS:-20000,200000}" -rules "${RULES:-1,100,1000,0}" -seed "${SEED:-1}"
