#!/bin/sh
# Makes what bench-sigma needs, once, and runs it. Variables: SIGMA (a checkout of SigmaHQ/sigma, or a directory of the
# same form), CORPUS (directory with rules of Elastic and Splunk besides, elastic and escu*), RSIGMA (the program; else
# cargo installs it, where there is a cargo), RUNS, EVENTS, RULES, MANY, SEED.
set -eu
cd "$(dirname "$0")/../.."
dir=bin/sigma
SIGMA=${SIGMA:-../shared/corpus/sigma/rules}
RSIGMA=${RSIGMA:-}
version=0.23.0
[ -d "$SIGMA/rules" ] || { echo "bench-sigma: SIGMA=$SIGMA has no directory rules" >&2; exit 1; }
mkdir -p "$dir"
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
go run ./tools/bench-sigma -runner bin/runner -rsigma "$RSIGMA" -work "$dir/work" -sigma "$SIGMA" -corpus "${CORPUS:-../shared/corpus}" \
	-recorded "$SIGMA/../regression/regression.ndjson" -runs "${RUNS:-7}" -events "${EVENTS:-20000,200000}" -rules "${RULES:-1,0}" -many "${MANY:-1000,10000}" -seed "${SEED:-1}"
