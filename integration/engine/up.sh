#!/bin/bash
# up.sh: from a Debian machine (root; nothing but Debian's packages and Maven Central) to a running Docker engine and a
# local image of a real Elasticsearch node. Prints the environment of a test run; all else goes to stderr.
#   eval "$(integration/engine/up.sh)" && go test -tags integration ./integration/...
# A second run finds all in place. Exits with 3 where the node could be built but containers cannot run: node/run.sh then
# runs the same node as a process.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
image=${ENGINE_IMAGE:-localhost/tocsin-elasticsearch:8.19.21}
# shellcheck source=debian.sh
. "$here/debian.sh"

mapfile -t packages < <(engine_packages)
install_missing "${packages[@]}"
"$here/node/build.sh"

if ! "$here/container/docker-up.sh" up >&2 || ! "$here/container/build-image.sh" "$image" >&2; then
  echo "no containers on this machine; start the node as a process: integration/engine/node/run.sh PORT" >&2
  exit 3
fi
[ -z "${DOCKER_HOST:-}" ] || echo "export DOCKER_HOST=$DOCKER_HOST"
echo "export ENGINE_IMAGE=$image TOCSIN_ELASTICSEARCH_IMAGE=$image"
# The reaper of testcontainers is an image of its own, which cannot be pulled where the engine's cannot; and inside a container it
# would take the default gateway, another machine, for the Docker host.
echo "export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=localhost"
