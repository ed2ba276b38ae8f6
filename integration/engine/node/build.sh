#!/bin/bash
# build.sh: compiles the node and gathers its jars under target/ beside this file, where that is not up to date.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p target
exec 9>target/lock
flock 9
if [ ! -e target/built ] || [ -n "$(find pom.xml src -newer target/built -print -quit)" ]; then
  rm -rf target/classes target/lib
  mvn --batch-mode --quiet process-classes >&2
  touch target/built
fi
