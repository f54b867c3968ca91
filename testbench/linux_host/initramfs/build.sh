#!/usr/bin/env bash
# Makes the initramfs of the guests: busybox, /init, the library of the scripts and the guest programs. Prints its path.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
wrong() { printf 'initramfs: %s\n' "$*" >&2; exit 2; }

if [ $# != 1 ] || [ "${1:0:1}" = - ]; then
  printf 'usage: build.sh BUILD_FOLDER     (where ninja linux_guest_programs was run)\n' >&2
  exit 2
fi
init=$1/guest/guest_init
programs=("$1"/guest/migctl "$1"/guest/vfguest "$1"/guest/netcheck)
busybox=$(command -v busybox) || wrong "busybox is missing: install the package busybox-static"
for program in "$init" "${programs[@]}"; do
  [ -x "$program" ] || wrong "$program is missing: run ninja -C $1 linux_guest_programs"
done
# the kernel starts it without a loader
if readelf -l "$busybox" | grep -q INTERP; then wrong "$busybox is not static: install the package busybox-static"; fi

image=$1/guest/initramfs.cpio.gz
# Newer than all that it is made of?
up_to_date() {
  local input
  [ -e "$image" ] || return 1
  for input in "$here/build.sh" "$here/vfsim.sh" "$busybox" "$init" "${programs[@]}"; do
    [ "$image" -nt "$input" ] || return 1
  done
}
exec 9>"$1/guest/.initramfs.lock" # two callers: the second waits
flock 9
if up_to_date; then
  printf '%s\n' "$image"
  exit
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,host,lib,proc,run,sys,tmp}
install -m 755 -s "$init" "$root/init"
install -m 644 "$here/vfsim.sh" "$root/lib/vfsim.sh"
install -m 755 "$busybox" "$root/bin/busybox"
for program in "${programs[@]}"; do
  install -m 755 -s "$program" "$root/bin/"
done
"$busybox" --list | grep -vx busybox | (cd "$root/bin" && xargs -n 1 ln -s busybox)
# equal input gives an equal file
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --owner 0:0 --reproducible --quiet | gzip -9n) >"$image.part"
mv "$image.part" "$image"
printf '%s\n' "$image"
