#!/bin/bash
# docker-up.sh up | clean | down
#   up     starts dockerd, where no Docker engine answers
#   clean  removes the containers that killed test runs left behind, or of one run only: the one that ENGINE_RUN names
#   down   stops the dockerd that "up" started, and no other
# ENGINE_STATE is where its log and pid are kept (default: tocsin-engine in the user's cache directory).
set -euo pipefail
state=${ENGINE_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/tocsin-engine}
mkdir -p "$state"
pidfile=$state/dockerd.pid
log=$state/dockerd.log

answers() {
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# runs PID PROGRAM: whether the process is there, and is the program.
runs() {
  local exe
  exe=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [[ ${exe##*/} == "$2"* ]]
}

# A machine that was stopped hard leaves pid files behind, with which dockerd refuses to start.
forget_the_dead() {
  local file
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid "$pidfile"; do
    if [ -f "$file" ] && ! runs "$(cat "$file")" dockerd && ! runs "$(cat "$file")" containerd; then
      rm -f "$file"
    fi
  done
}

up() {
  if answers; then
    echo "a Docker engine answers"
    return 0
  fi
  forget_the_dead
  # --bip gives the default network a gateway that testcontainers can read; --ip publishes ports on loopback only.
  setsid nohup dockerd --bip 172.17.0.1/16 --ip 127.0.0.1 --log-level warn --pidfile "$pidfile" </dev/null >>"$log" 2>&1 &
  local started=$!
  for _ in $(seq 300); do
    if answers; then
      echo "dockerd runs, pid $(cat "$pidfile")"
      return 0
    fi
    [ -e "/proc/$started" ] || break
    sleep 0.1
  done
  kill "$started" 2>/dev/null || true
  tail -n 20 "$log" >&2
  echo "dockerd did not start; its log: $log" >&2
  return 1
}

clean() {
  local ids
  answers || return 0
  ids=$(docker ps --all --quiet --filter "label=tocsin.integration${ENGINE_RUN:+=$ENGINE_RUN}")
  # shellcheck disable=SC2086  # a list of ids
  [ -z "$ids" ] || docker rm --force --volumes $ids
}

down() {
  [ -f "$pidfile" ] || return 0
  local pid
  pid=$(cat "$pidfile")
  runs "$pid" dockerd || return 0
  kill "$pid"
  for _ in $(seq 150); do
    [ -e "/proc/$pid" ] || return 0
    sleep 0.1
  done
  echo "dockerd $pid does not end" >&2
  return 1
}

case ${1:-up} in
  up) up ;;
  clean) clean ;;
  down) down ;;
  *)
    echo "usage: $0 [up|clean|down]" >&2
    exit 2
    ;;
esac
