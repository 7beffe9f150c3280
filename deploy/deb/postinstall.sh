#!/bin/sh
# Nothing is enabled at the installation: `systemctl enable --now reactord.socket reactord` does that.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ "$1" = configure ] && systemctl --quiet is-active reactord.service; then
    systemctl restart reactord.service # drains; calls wait at the socket
  fi
fi
