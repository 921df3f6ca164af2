#!/usr/bin/env bash
# Finds or installs what tests need beyond npm: the Chromium that the viewer is driven with, and Redis for the
# queue on it. In CI a machine without them gets Debian's; elsewhere the tests that need one say that they are skipped.
set -euo pipefail

missing=()
ensure() {
  local package=$1
  shift
  for name in "$@"; do
    if PATH="$PATH:/usr/bin" command -v "$name" >/dev/null; then return; fi
  done
  missing+=("$package")
}
ensure chromium chromium chromium-browser google-chrome
ensure redis-server redis-server

if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi
if [ "${CI:-}" != true ]; then
  echo "Not on this machine: ${missing[*]}. Tests that need them are skipped (Debian: apt-get install ${missing[*]})." >&2
  exit 0
fi
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
command -v chromium redis-server
