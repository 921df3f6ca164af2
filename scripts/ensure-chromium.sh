#!/usr/bin/env bash
# Finds or installs the Chromium that the viewer's tests drive. In CI a machine without one gets Debian's; elsewhere the
# tests that need it say that they are skipped.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "${CI:-}" != true ]; then
  echo "No Chromium on this machine: tests that need it will be skipped (Debian: apt-get install chromium)." >&2
  exit 0
fi
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
command -v chromium
