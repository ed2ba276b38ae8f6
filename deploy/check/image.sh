#!/bin/bash
# image.sh [BINARY]: builds the image and runs it with a local Docker engine, as tightly as it may be: no root, a read-only root, no capability,
# no network but where one is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=localhost/tocsin:check-$$
work=$(mktemp -d)
container=
clean_up() {
  [ -z "$container" ] || docker rm --force --volumes "$container" >/dev/null || true
  docker image rm --force "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
tight=(--read-only --cap-drop ALL --security-opt no-new-privileges --label "tocsin.integration=${ENGINE_RUN:-node}")

deploy/docker/build-image.sh "$image" "$@" >/dev/null
echo "$image: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
user=$(docker image inspect --format '{{.Config.User}}' "$image")
[ "$user" = 65532:65532 ] || {
  echo "it runs as $user"
  exit 1
}

docker run --rm "${tight[@]}" --tmpfs /tmp --network none "$image" demo >"$work/demo"
grep -q 'T1105' "$work/demo" || {
  cat "$work/demo"
  echo "demo finds nothing"
  exit 1
}

# The service over event files, with its state in a volume.
mkdir "$work/data"
cat >"$work/data/rule.toml" <<'R'
[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000001"
name = "Shell"
description = "A shell."
type = "eql"
index = ["logs-*"]
severity = "high"
risk_score = 73
interval = "1s"
from = "now-100y"
query = 'process where process.name == "sh"'
R
echo '{"_index": "logs-web", "_id": "hit", "_source": {"@timestamp": "2026-01-15T14:01:00Z", "event": {"category": "process"}, "process": {"name": "sh"}}}' >"$work/data/events.ndjson"
chmod -R a+rX "$work"
container=$(docker run --detach "${tight[@]}" --network none --volume "$work/data:/data:ro" --volume /var/lib/tocsin --env TOCSIN_STATE_DIR=/var/lib/tocsin \
  "$image" run --rules /data/rule.toml --events /data/events.ndjson --store /var/lib/tocsin/store)
for _ in $(seq 60); do
  health=$(docker inspect --format '{{.State.Health.Status}}' "$container")
  [ "$health" = starting ] || break
  sleep 0.5
done
[ "$health" = healthy ] || {
  docker logs "$container"
  echo "its health is $health"
  exit 1
}
docker exec "$container" /usr/bin/runner health --ready
docker kill --signal HUP "$container" >/dev/null
for _ in $(seq 40); do
  docker logs "$container" 2>&1 | grep -q '"the rules were reloaded"' && break
  sleep 0.1
done
docker stop "$container" >/dev/null
docker logs "$container" >"$work/log" 2>&1
for wanted in '"msg":"the rules were reloaded"' '"msg":"stopped"' '"created":1'; do
  grep -q -- "$wanted" "$work/log" || {
    cat "$work/log"
    echo "its log lacks $wanted"
    exit 1
  }
done
code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || {
  echo "it ended with $code"
  exit 1
}
echo "the image runs without root, capabilities and a writable root; healthy, reloaded, stopped"
