#!/bin/sh
# After an installation or an upgrade. The service is started by the administrator, who has to name a cluster first; one
# that runs is restarted with the new binary.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart tocsin.service
fi
