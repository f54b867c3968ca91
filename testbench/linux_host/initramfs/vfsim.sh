# Functions of the guests' scripts: . /lib/vfsim.sh
# They start as few processes as possible: each costs User Mode Linux a hundredth of a second of real time.
# A script ends with `finish`: status 0 when every check held.

bus=/sys/bus/pci
pf=0000:00:00.0
shared=/host/shared
checks=0
failed=0
mkfifo /run/never

# vf INDEX: sets vf to the address of a VF.
vf() { vf=0000:00:0$(($1 + 1)).0; }

# Text with the guest's time in front.
say() {
  local up
  read -r up _ </proc/uptime
  echo "[$up] $ROLE: $*"
}

wait_ms() { read -t "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" _ <>/run/never; }

# try COMMAND...: runs it; sets rc, and out to what it printed. What goes to an open instance of migctl or vfguest goes
# through its FIFOs.
try() {
  local door=/run/$1.$2
  if [ -p "$door.in" ]; then
    shift 2
    echo "$*" >"$door.in"
    read -r rc out <"$door.out"
    return
  fi
  "$@" >/tmp/.out 2>&1
  rc=$?
  out=
  while read -r line; do out="$out${out:+; }$line"; done </tmp/.out
}

# ok WHAT COMMAND...: the command must end with status 0.
ok() {
  local what=$1
  shift
  try "$@"
  verdict "$what"
}

# refused WHAT TEXT COMMAND...: the command must fail, and what it prints must contain the text.
refused() {
  local what=$1 text=$2
  shift 2
  try "$@"
  if [ $rc = 0 ]; then
    rc=1
    out="it was not refused; $out"
  else
    case $out in
      *"$text"*) rc=0 ;;
      *) out="not '$text'; $out" ;;
    esac
  fi
  verdict "$what"
}

# same WHAT WANTED FOUND
same() {
  out=$3
  rc=0
  [ "$2" = "$3" ] || { rc=1; out="'$3' instead of '$2'"; }
  verdict "$1"
}

verdict() {
  checks=$((checks + 1))
  if [ $rc = 0 ]; then
    say "ok    $1${out:+: $out}"
  else
    say "FAIL  $1${out:+: $out}"
    failed=$((failed + 1))
  fi
}

finish() {
  say "$((checks - failed)) of $checks checks held"
  [ $failed = 0 ] && [ $checks != 0 ]
  exit $?
}

# simulator WORDS...: asks the simulator for something; it takes the line off the console.
simulator() { echo "@vfsim $*"; }

# has_driver ADDRESS DRIVER
has_driver() { [ -e "$bus/drivers/$2/$1" ]; }
# bind ADDRESS DRIVER
bind() {
  echo "$2" >$bus/devices/$1/driver_override && echo "$1" >$bus/drivers/$2/bind
}
unbind() { echo "$1" >$bus/devices/$1/driver/unbind; }

# set_vfs COUNT: makes VFs, which wait for a driver; has_vfs COUNT
set_vfs() {
  echo 0 >$bus/devices/$pf/sriov_drivers_autoprobe && echo "$1" >$bus/devices/$pf/sriov_numvfs
}
has_vfs() {
  set -- "$1" $bus/devices/$pf/virtfn*
  out="$(($# - 1)) VFs"
  [ ! -e "$2" ] && set -- "$1"
  [ $(($# - 1)) = "$1" ]
}

# open_vf NAME INDEX: a VF with the migration driver, held open.
open_vf() {
  vf "$2"
  has_driver $vf mlx5_vfio_pci || ok "VF $2 gets its migration driver" bind $vf mlx5_vfio_pci
  ok "open VF $2" migctl open "$1" $vf
}

# put FILE: gives a file of /tmp to the other guests, all of it at once. tell NAME: an empty one. get NAME SECONDS: waits
# for one.
put() { cp "/tmp/$1" "$shared/$1.part" && mv "$shared/$1.part" "$shared/$1"; }
tell() { : >"$shared/$1"; }
get() {
  local tries=0
  while [ ! -e "$shared/$1" ]; do
    tries=$((tries + 1))
    [ $tries -le $(($2 * 1000)) ] || return 1
    wait_ms 1
  done
}

# migrate_out NAME IMAGE: an open VF up to STOP_COPY, with pre-copy where the driver has it; its image goes to the other
# guests. A VM that uses it stands still from the first arc of the stop on.
migrate_out() {
  local round
  rm -f "/tmp/$2"
  try migctl "$1" flags
  case $out in
    *PRE_COPY*)
      ok "pre-copy" migctl "$1" set PRE_COPY
      for round in 1 2; do
        ok "round $round" migctl "$1" save "/tmp/$2"
        wait_ms 2
        ok "round $round: what is left" migctl "$1" precopy
      done
      ;;
  esac
  ok "stop and copy" migctl "$1" set STOP_COPY
  ok "save" migctl "$1" save "/tmp/$2"
  ok "image goes" put "$2"
}

# migrate_in NAME IMAGE: the other end; the VF runs.
migrate_in() {
  ok "image comes" get "$2" 30
  ok "load starts" migctl "$1" set RESUMING
  ok "load" migctl "$1" load "$shared/$2"
  ok "loaded" migctl "$1" set STOP
  ok "the VF runs here" migctl "$1" set RUNNING
}
