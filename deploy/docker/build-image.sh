#!/bin/bash
# build-image.sh IMAGE [BINARY]: the image of a binary for Linux, which is built where none is given. Nothing is pulled.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
if [ $# -gt 1 ]; then
  cp "$2" "$context/runner"
else
  GOOS=linux "$here/../build.sh" "$context/runner"
fi
mkdir --parents "$context/files/var/lib/tocsin"
mkdir --mode 1777 "$context/files/tmp"
cp "$here/Dockerfile.binary" "$context/Dockerfile"
# The classic builder: it needs no plug-in of the client. It says so on stderr each time.
DOCKER_BUILDKIT=0 docker build --quiet --tag "$1" "$context" 2>"$context/log" || {
  cat "$context/log" >&2
  exit 1
}
