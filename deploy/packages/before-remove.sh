#!/bin/sh
# Before a removal; not before an upgrade, which both kinds of packages tell apart by the argument.
set -e
case "${1:-}" in
  remove | 0)
    if [ -d /run/systemd/system ]; then
      systemctl disable --now tocsin.service
    fi
    ;;
esac
