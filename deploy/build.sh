#!/bin/bash
# build.sh FILE: a release build of the runner for GOOS and GOARCH, static, the same from the same sources wherever they
# lie. VERSION is what `runner version` says; without it that is the commit.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VERSION:-}" ] && commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null); then
  VERSION=devel-$commit
fi
export CGO_ENABLED=0
exec go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.release=${VERSION:-}" -o "$1" ./cmd/runner
