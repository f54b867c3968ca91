#!/usr/bin/env bash
# Builds a User Mode Linux kernel whose drivers find the simulated NIC. See --help.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cache=${VFSIM_LINUX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vfsim/linux}
versions=(6.12 6.1) # Debian packages linux-source-VERSION; the first is the default
tools=(gcc make bison flex bc xz tar cpio)
um=(ARCH=um SUBARCH=x86_64)

usage() {
  cat <<'TEXT'
usage: build.sh [--kernel VERSION|TREE] [--debug] [--modules] [--config FILE]... [--module DIR]

Builds the kernel and prints the path of its binary, the only line on stdout; progress goes to stderr.

  --kernel VERSION   6.12 (default) or 6.1: from Debian's package linux-source-VERSION, unmodified, once
  --kernel TREE      a kernel tree of your own (a folder); each call rebuilds what has changed in it
  --debug            with debug information, for gdb on the kernel
  --modules          the mlx5 drivers as modules; prints a second line, the folder with their .ko files
  --config FILE      more options on top of guest.config
  --module DIR       also builds the module in DIR against this kernel; its .ko files stay in DIR

Trees and kernels are kept in $VFSIM_LINUX_DIR (default ~/.cache/vfsim/linux), one for each version of the package and
each set of options. Exit status 2: wrong input; 3: the build failed.
TEXT
}

say() { printf '%s\n' "kernel: $*" >&2; }
wrong() { say "$*"; exit 2; }

parse() {
  kernel=${versions[0]} fragments=("$here/guest.config") module='' with_modules=0
  while [ $# -gt 0 ]; do
    case $1 in
      --kernel | --config | --module) [ $# -gt 1 ] || wrong "$1 needs a value" ;;
    esac
    case $1 in
      --kernel) kernel=$2; shift ;;
      --config) [ -r "$2" ] || wrong "--config $2: no such file"; fragments+=("$(readlink -f "$2")"); shift ;;
      --module) [ -d "$2" ] || wrong "--module $2: no such folder"; module=$(readlink -f "$2"); shift ;;
      --debug) fragments+=("$here/debug.config") ;;
      --modules) fragments+=("$here/modules.config"); with_modules=1 ;;
      -h | --help) usage; exit 0 ;;
      *) wrong "unknown option '$1'; allowed are --kernel --debug --modules --config --module" ;;
    esac
    shift
  done
}

check_tools() {
  local tool missing=()
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] || wrong "these programs are missing: ${missing[*]}"
}

# Sets tree (the sources) and name (of what is built from them).
find_tree() {
  local digest
  digest=$(cat "${fragments[@]}" | grep -E '^(CONFIG_|# CONFIG_)' | sort | sha256sum | cut -c1-12)
  if [ -d "$kernel" ]; then
    tree=$(readlink -f "$kernel")
    [ -f "$tree/arch/um/Kconfig" ] || wrong "--kernel $kernel: no kernel tree (it has no arch/um/Kconfig)"
    own=1
    name=tree-$(sha256sum <<<"$tree" | cut -c1-12)-$digest
    return
  fi
  own=0
  case " ${versions[*]} " in
    *" $kernel "*) ;;
    *) wrong "--kernel $kernel: neither a folder nor a version; allowed are ${versions[*]}" ;;
  esac
  local package=linux-source-$kernel archive=/usr/src/linux-source-$kernel.tar.xz revision
  [ -r "$archive" ] || wrong "$archive is missing: install the package $package"
  revision=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || revision=$(sha256sum "$archive" | cut -c1-12)
  name=$kernel-$revision-$digest
  tree=$cache/source/$kernel-$revision
}

unpack() {
  [ $own = 0 ] && [ ! -d "$tree" ] || return 0
  say "unpacking linux-source-$kernel"
  rm -rf "$tree.part"
  mkdir -p "$tree.part"
  tar -xJf "/usr/src/linux-source-$kernel.tar.xz" -C "$tree.part" --strip-components=1
  mv "$tree.part" "$tree"
}

# Every option of the fragments that this kernel knows must have come out as asked.
check_config() {
  local line option bad=()
  while IFS= read -r line; do
    case $line in
      CONFIG_*) option=${line%%=*}; ! grep -qxF -- "$line" "$build/.config" || continue ;;
      '# CONFIG_'*' is not set') option=${line#\# }; option=${option% is not set}
        grep -q "^$option=" "$build/.config" || continue ;;
      *) continue ;;
    esac
    if grep -rqE --include='Kconfig*' "^(menu)?config ${option#CONFIG_}\$" "$tree"; then bad+=("$line"); fi
  done < <(final_options)
  [ ${#bad[@]} = 0 ] || { printf 'kernel: not as asked: %s\n' "${bad[@]}" >&2; exit 3; }
}

# The last fragment that names an option decides.
final_options() {
  cat "${fragments[@]}" | awk '/^(# )?CONFIG_/ { key = $0; sub(/^# /, "", key); sub(/[= ].*/, "", key)
    if (!(key in last)) order[++n] = key; last[key] = $0 } END { for (i = 1; i <= n; i++) print last[order[i]] }'
}

configure() {
  local digest
  digest=$(cat "${fragments[@]}" | sha256sum)
  [ "$(cat "$build/.fragments" 2>/dev/null)" != "$digest" ] || [ ! -f "$build/.config" ] || return 0
  final_options >"$build/fragment.config"
  make -C "$tree" O="$build" "${um[@]}" KCONFIG_ALLCONFIG="$build/fragment.config" allnoconfig >"$log" 2>&1 || failed
  check_config
  printf '%s\n' "$digest" >"$build/.fragments"
}

failed() {
  grep -m 1 -B 2 -A 12 -E '(error|Error|ERROR)[: ]' "$log" >&2 || tail -n 20 "$log" >&2
  say "the build failed; all output: $log"
  exit 3
}

# Reads make's output and shows how many files are done: of about as many as the last complete build took.
progress() {
  local line count=0 shown=0 total tty=0
  total=$(cat "$here/objects.txt" 2>/dev/null || echo 1)
  if [ -t 2 ]; then tty=1; fi
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    [[ $line =~ ^\ \ (CC|AS|AR|LD|HOSTCC)\  ]] || continue
    count=$((count + 1))
    local percent=$((count * 100 / total))
    if [ $percent -gt 99 ]; then percent=99; fi
    if [ $tty = 1 ]; then
      printf '\rkernel: building %s %3d%%' "$kernel" $percent >&2
    elif [ $percent -ge $((shown + 25)) ]; then
      shown=$percent
      say "building $kernel $percent%"
    fi
  done
  if [ $tty = 1 ] && [ $count -gt 0 ]; then printf '\r\033[K' >&2; fi
}

run_make() {
  local compiler=gcc
  if command -v ccache >/dev/null; then compiler='ccache gcc'; fi
  nice -n 10 make -C "$tree" O="$build" "${um[@]}" CC="$compiler" -j"$(nproc)" "$@" 2>&1 | progress || failed
}

compile() {
  if [ $own = 0 ] && [ -e "$build/.complete" ]; then return; fi
  local started=$SECONDS
  [ $own = 1 ] || say "building Linux $kernel once, which takes some minutes; it is kept in $build"
  : >"$log"
  run_make linux
  if [ $with_modules = 1 ]; then run_make modules; fi
  if [ $own = 0 ]; then
    # nobody changes these sources: what the link took is not needed again, its tables are (modules)
    find "$build" -name '*.[oa]' ! -path "$build/scripts/*" -delete
    touch "$build/.complete"
  fi
  say "built Linux $kernel in $((SECONDS - started)) s"
}

# Modules of the kernel itself are copied together, for a guest's insmod.
gather_modules() {
  mkdir -p "$build/ko"
  find "$build" -name '*.ko' ! -path "$build/ko/*" -exec cp -u {} "$build/ko" \;
}

build_module() {
  say "building the module in $module"
  : >"$log"
  # what the kernel exports; `make modules` would have written it
  [ -e "$build/scripts/module.lds" ] || run_make modules_prepare
  [ -e "$build/Module.symvers" ] || cp "$build/vmlinux.symvers" "$build/Module.symvers"
  make -C "$build" "${um[@]}" M="$module" modules >"$log" 2>&1 || failed
}

parse "$@"
check_tools
find_tree
build=$cache/build/$name log=$cache/build/$name/build.log
mkdir -p "$build"
exec 9>"$build/.lock" # two callers: the second waits
flock 9
unpack
configure
compile
if [ $with_modules = 1 ]; then gather_modules; fi
if [ -n "$module" ]; then build_module; fi
printf '%s\n' "$build/linux"
if [ $with_modules = 1 ]; then printf '%s\n' "$build/ko"; fi
