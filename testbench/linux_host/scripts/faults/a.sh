# What defects need to show, in little time: a VF migrates under traffic, stops and starts under traffic beside another
# that works, and is reset.
. /lib/vfsim.sh

# What the device may have written since the last time is reported.
report() { ok "$1: report" migctl vf0 dirty report /tmp/reported $pool; }

migrate() {
  ok "guest driver" vfguest start guest vf0
  try vfguest guest pool
  pool=${out#*pool }
  ok "dirty tracking" migctl vf0 dirty start $pool
  ok "traffic" vfguest guest send 300
  wait_ms 1
  if has_precopy vf0; then
    ok "pre-copy" migctl vf0 set PRE_COPY
    ok "round" migctl vf0 save /tmp/image
    wait_ms 1
    ok "what is left" migctl vf0 precopy
    ok "round" migctl vf0 save /tmp/image
    report "pre-copy"
  fi
  ok "device stops" migctl vf0 set STOP_COPY
  ok "virtual CPUs stop" vfguest guest pause
  report "stopped"
  ok "save" migctl vf0 save /tmp/image
  ok "save again" migctl vf0 set STOP
  ok "save again" migctl vf0 set STOP_COPY
  ok "save again" migctl vf0 save /tmp/again
  ok "load starts" migctl vf1 set RESUMING
  ok "load" migctl vf1 load /tmp/image
  ok "loaded" migctl vf1 set STOP
  ok "save of the copy" migctl vf1 set STOP_COPY
  ok "save of the copy" migctl vf1 save /tmp/copy
  ok "the copy is kept" migctl vf1 set STOP
  ok "the guest moves" vfguest guest move vf1
  ok "device runs" migctl vf1 set RUNNING
  ok "virtual CPUs run" vfguest guest resume
  ok "dirty tracking ends" migctl vf0 dirty stop
  ok "source is left" migctl vf0 close
  ok "traffic across the migration" vfguest guest wait
}

stop_and_start() {
  ok "guest driver of a sibling" vfguest start sibling vf2 --guest 1 --gap-ns 10000 --burst 12
  ok "traffic of the sibling" vfguest sibling send 300
  ok "traffic" vfguest guest send 200
  wait_ms 1
  ok "initiator stops" migctl vf1 set RUNNING_P2P
  wait_ms 1
  ok "initiator runs" migctl vf1 set RUNNING
  ok "traffic across the stop" vfguest guest wait
  ok "initiator stops" migctl vf1 set RUNNING_P2P
  ok "traffic" vfguest guest send 8
  wait_ms 1
  ok "initiator runs" migctl vf1 set RUNNING
  ok "traffic of the stop" vfguest guest wait
  ok "traffic of the sibling" vfguest sibling wait
}

# The guest's driver rings a device that is stopped (which loses the doorbells), and one that is reset.
reset() {
  ok "device stops" migctl vf1 set STOP
  ok "traffic" vfguest guest send 8
  wait_ms 1
  ok "device runs" migctl vf1 set RUNNING
  wait_ms 1
  ok "reset" migctl vf1 reset
  wait_ms 1
}

ok "PF driver" has_driver $pf mlx5_core
ok "SR-IOV on" set_vfs 3
open_vf vf0 0
open_vf vf1 1
open_vf vf2 2
migrate
stop_and_start
reset
finish
