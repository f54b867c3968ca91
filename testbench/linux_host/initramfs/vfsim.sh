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

# The simulator puts the time in front of every line of the console.
say() { echo "$ROLE: $*"; }

wait_ms() {
  local part=$(($1 % 1000 + 1000))
  read -t "$(($1 / 1000)).${part#1}" _ <>/run/never
}

# try COMMAND...: runs it; sets rc, and out to what it printed. Once migctl or vfguest runs in the background, it is told
# what to do through its FIFOs.
try() {
  local door=/run/$1
  if [ -p "$door.in" ]; then
    shift
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

# net_up ADDRESS: the stock Ethernet driver's interface. The kernel sends nothing before it has taken note of the carrier,
# which it does once a second.
net_up() {
  read_counts
  tell_counts counts_from
  ok "address" ip addr add "$1/24" dev eth0
  ok "link" ip link set eth0 up
  ok "carrier" has_carrier
}
has_carrier() {
  local left=100
  while read -r out </sys/class/net/eth0/operstate && [ "$out" != up ]; do
    [ $left -gt 0 ] || return 1
    wait_ms 20
    left=$((left - 1))
  done
}

# net_counted: once nothing moves any more, the simulator compares what the stock Ethernet driver has counted with what the
# NIC has moved for it.
net_counted() {
  ok "nothing moves on the interface" counts_stand_still
  tell_counts counted
}
# Frames of which the kernel could make nothing count as not received.
read_counts() {
  local name number dropped dir=/sys/class/net/eth0/statistics
  read -r dropped <$dir/rx_dropped
  counts=
  for name in tx_packets tx_bytes rx_packets rx_bytes; do
    read -r number <$dir/$name
    [ $name != rx_packets ] || number=$((number - dropped))
    counts="$counts $number"
  done
}
tell_counts() { printf "@vfsim call $pf $1 %x %x %x %x\n" $counts; }
counts_stand_still() {
  local before= left=100
  while read_counts && [ "$before" != "$counts" ]; do
    [ $left -gt 0 ] || return 1
    before=$counts
    wait_ms 5
    left=$((left - 1))
  done
}

# source_host [ADDRESS]: what tiers 2 and 3 begin with on host A: a VF that is held open; then the VM may boot. ADDRESS: of
# the PF's interface.
source_host() {
  ok "PF driver" has_driver $pf mlx5_core
  [ $# = 0 ] || net_up "$1"
  ok "one VF" set_vfs 1
  open_vf vf0 0
  simulator start vm
  ok "the VM works" get vm.works 30
}

# open_vf NAME INDEX: a VF with the migration driver, held open.
open_vf() {
  vf "$2"
  has_driver $vf mlx5_vfio_pci || ok "VF $2 gets its migration driver" bind $vf mlx5_vfio_pci
  ok "open VF $2" migctl open "$1" $vf
}

# tell NAME: a sign for the other guests. get NAME SECONDS [MS]: waits for one, and looks every 10 ms (or MS).
tell() { : >"$shared/$1"; }
get() {
  local step=${3:-10} left=$(($2 * 1000))
  while [ ! -e "$shared/$1" ]; do
    [ $left -gt 0 ] || return 1
    wait_ms $step
    left=$((left - step))
  done
}

# has_precopy NAME: whether the driver of an open VF offers pre-copy; Linux 6.1 does not.
has_precopy() {
  try migctl "$1" flags
  case $out in
    *PRE_COPY*) return 0 ;;
  esac
  return 1
}

# vm_memory: sets memory to the range of the VM's memory, which the simulator has told.
vm_memory() { read -r memory <"$shared/vm.memory"; }

# dirty_pages NAME: what the VF has written since the last time. The simulator copies these pages to the other host.
dirty_pages() { ok "dirty pages" migctl "$1" dirty report /tmp/reported "$memory"; }

# migrate_out NAME IMAGE: an open VF up to STOP_COPY, and its VM's memory. The image goes to the other guests in pieces, those
# of pre-copy (where the driver has it) while the VF works. The VM stands still from the first arc of the stop on. Its
# memory is complete before the last piece is.
migrate_out() {
  local piece=1 round precopy=
  tell "$2.soon"
  ok "the destination is ready" get "$2.ready" 60 1
  vm_memory
  ok "dirty tracking" migctl "$1" dirty start "$memory"
  has_precopy "$1" && precopy=yes
  [ ! $precopy ] || ok "pre-copy" migctl "$1" set PRE_COPY
  for round in 1 2; do
    if [ $precopy ]; then
      ok "piece $piece" migctl "$1" save "$shared/$2.$piece"
      tell "$2.$piece.complete"
      piece=$((piece + 1))
    fi
    wait_ms 2
    [ ! $precopy ] || ok "what is left" migctl "$1" precopy
    dirty_pages "$1"
  done
  wait_ms 1 # a VMM sends these pages now, and the VM works
  ok "stop and copy" migctl "$1" set STOP_COPY
  dirty_pages "$1"
  ok "piece $piece, the last" migctl "$1" save "$shared/$2.$piece"
  tell "$2.$piece.last"
  tell "$2.$piece.complete"
}

# leave_source NAME: the destination runs the VF.
leave_source() {
  ok "dirty tracking ends" migctl "$1" dirty stop
  ok "source stops" migctl "$1" set STOP
  ok "source is left" migctl "$1" close
}

# load_pieces NAME IMAGE: all but the last, whose file is in last then.
load_pieces() {
  local piece=1
  ok "an image will come" get "$2.soon" 60
  ok "load starts" migctl "$1" set RESUMING
  tell "$2.ready"
  while ok "piece $piece is there" get "$2.$piece.complete" 10 1 && [ ! -e "$shared/$2.$piece.last" ] && [ $rc = 0 ]; do
    ok "load" migctl "$1" load "$shared/$2.$piece"
    piece=$((piece + 1))
  done
  last=$shared/$2.$piece
}

# migrate_in NAME IMAGE: the other end; the VF runs.
migrate_in() {
  load_pieces "$1" "$2"
  ok "load of the last" migctl "$1" load "$last"
  ok "loaded" migctl "$1" set STOP
  ok "the VF runs here" migctl "$1" set RUNNING
}

# there_and_back: host A's part of the way of a VM's VF to host B and back.
there_and_back() {
  wait_ms 100
  migrate_out vf0 there
  ok "B runs it" get b.runs 30
  leave_source vf0
  open_vf vf0 0
  wait_ms 200
  tell a.open
  migrate_in vf0 back
  tell a.runs
}
