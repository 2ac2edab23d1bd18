#!/bin/sh
# A program from Debian's packages, for what can do without it: sh tools/debian.sh WHAT "COMMAND…" PACKAGE…
# Nothing is done if one of the commands is there. Where it cannot be installed WHAT is left out, which is said.
set -eu
what=$1 commands=$2
shift 2
for name in $commands; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
say() { printf '%s: %s\n' "$what" "$1" >&2; }
if ! command -v apt-get >/dev/null 2>&1; then
  say "no ${commands%% *} here and no apt-get to install it, so they are left out"
  exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    say "no ${commands%% *} here; 'apt-get install $1' needs root, so they are left out"
    exit 0
  fi
fi
say "installing $1"
export DEBIAN_FRONTEND=noninteractive
if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1 </dev/null; then
  say "apt-get could not install $1 (no network?), so they are left out"
fi
exit 0
