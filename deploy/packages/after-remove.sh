#!/bin/sh
# After a removal. What the service kept in /var/lib/tocsin stays.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
