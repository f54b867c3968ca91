#!/usr/bin/env bash
# What build.sh says to wrong input: one line, exit status 2, nothing built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VFSIM_LINUX_DIR=$(mktemp -d)
export VFSIM_LINUX_DIR
trap 'rm -rf "$VFSIM_LINUX_DIR"' EXIT

# refused PATTERN ARGUMENT...
refused() {
  local pattern=$1 out status=0
  shift
  out=$("$here/build.sh" "$@" 2>&1) || status=$?
  if [ $status != 2 ] || ! [[ $out =~ $pattern ]] || [[ $out == *$'\n'* ]]; then
    printf 'build.sh %s: status %s, said: %s\n' "$*" "$status" "$out" >&2
    exit 1
  fi
}

refused "--kernel 5.4: neither a folder nor a version; allowed are 6.12 6.1" --kernel 5.4
refused "no kernel tree" --kernel "$VFSIM_LINUX_DIR"
refused "--kernel needs a value" --kernel
refused "--module /nowhere: no such folder" --module /nowhere
refused "--config /nowhere: no such file" --config /nowhere
refused "unknown option '--kernal'; allowed are" --kernal 6.12
[ -z "$(ls -A "$VFSIM_LINUX_DIR")" ]
