#!/bin/sh
# Chromium for the browser tests. Without it and without the means to install it they are skipped, and say so.
set -eu
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
say() { printf 'browser tests: %s\n' "$1" >&2; }
if ! command -v apt-get >/dev/null 2>&1; then
  say "no Chromium here and no apt-get to install it; install Chromium to run them"
  exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    say "no Chromium here; 'apt-get install chromium' needs root, so they will be skipped"
    exit 0
  fi
fi
say "installing chromium (about a minute)"
export DEBIAN_FRONTEND=noninteractive
if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 </dev/null; then
  say "apt-get could not install chromium (no network?), so they will be skipped"
fi
exit 0
