# Tier 1, one host: the stock drivers probe the NIC, make VFs, and migrate one of them while the project's own guest driver
# works on it; dirty tracking against what the device really wrote; refusals, resets, removal.
. /lib/vfsim.sh

probe() {
  ok "PF driver" has_driver $pf mlx5_core
  ok "SR-IOV on" set_vfs 4
  ok "VFs" has_vfs 4
  ok "SR-IOV off" set_vfs 0
  ok "no VFs" has_vfs 0
  ok "SR-IOV on" set_vfs 3
}

# An idle VF: there and back, the copy is the same as the original.
save_and_load() {
  open_vf vf0 0
  open_vf vf1 1
  ok "initiator stops" migctl vf0 set RUNNING_P2P
  ok "responder stops" migctl vf0 set STOP
  ok "save starts" migctl vf0 set STOP_COPY
  if has_precopy vf0; then ok "size" migctl vf0 size; else refused "size" ENOTTY migctl vf0 size; fi
  ok "save" migctl vf0 save /tmp/idle.image
  image=${out% (*}
  ok "load starts" migctl vf1 set RESUMING
  ok "load" migctl vf1 load /tmp/idle.image
  ok "loaded" migctl vf1 set STOP
  ok "save of the copy starts" migctl vf1 set STOP_COPY
  ok "save of the copy" migctl vf1 save /tmp/idle.copy
  out=${out% (*}
  copy=${out#vf1}
  same "bytes and check sum of the copy" "${image#vf0}" "$copy"
  ok "runs again" migctl vf0 set RUNNING
  ok "the copy runs" migctl vf1 set RUNNING
  ok "close" migctl vf0 close
  ok "close" migctl vf1 close
}

# check_dirty WHEN: every page that only the device can have changed since the last time must be in a report that is asked
# for afterwards.
check_dirty() {
  ok "$1: changed" vfguest guest collect
  : >/tmp/reported
  ok "$1: report" migctl vf0 dirty report /tmp/reported $pool
  ok "$1: dirty pages" vfguest guest check /tmp/reported
}

migrate_under_traffic() {
  local round
  open_vf vf0 0
  open_vf vf1 1
  ok "guest driver" vfguest start guest vf0
  ok "traffic" vfguest guest send 100
  ok "traffic before" vfguest guest wait
  try vfguest guest pool
  pool=${out#*pool }
  ok "dirty tracking" migctl vf0 dirty start $pool
  ok "watch" vfguest guest watch
  ok "traffic" vfguest guest send 600
  if has_precopy vf0; then
    ok "pre-copy" migctl vf0 set PRE_COPY
    for round in 1 2; do
      ok "round $round: what is left" migctl vf0 precopy
      ok "round $round" migctl vf0 save /tmp/image
      wait_ms 2
      check_dirty "round $round"
    done
  fi
  ok "virtual CPUs stop" vfguest guest pause
  ok "device stops" migctl vf0 set STOP_COPY
  check_dirty "stopped"
  ok "save" migctl vf0 save /tmp/image
  ok "load starts" migctl vf1 set RESUMING
  ok "load" migctl vf1 load /tmp/image
  ok "loaded" migctl vf1 set STOP
  ok "the guest moves" vfguest guest move vf1
  ok "device runs" migctl vf1 set RUNNING
  ok "virtual CPUs run" vfguest guest resume
  ok "dirty tracking ends" migctl vf0 dirty stop
  ok "source is left" migctl vf0 set STOP
  ok "source is closed" migctl vf0 close
  ok "traffic across the migration" vfguest guest wait
  ok "traffic" vfguest guest send 100
  ok "traffic behind" vfguest guest wait
  ok "driver goes" vfguest guest stop
  ok "close" migctl vf1 close
}

# The initiator stops and starts while the guest goes on posting and ringing: everything arrives in the end. Its sibling
# works all the time.
quiesce_under_traffic() {
  local turn
  open_vf vf0 0
  open_vf vf1 1
  ok "guest driver" vfguest start guest vf0 --guest 2 --gap-ns 4000
  ok "guest driver of a sibling" vfguest start sibling vf1 --guest 3 --gap-ns 8000 --burst 16
  ok "traffic" vfguest guest send 800
  ok "traffic of the sibling" vfguest sibling send 900
  for turn in 1 2 3; do
    wait_ms 1
    ok "initiator stops" migctl vf0 set RUNNING_P2P
    wait_ms 1
    ok "initiator runs" migctl vf0 set RUNNING
  done
  ok "traffic across three stops" vfguest guest wait
  ok "virtual CPUs stop" vfguest guest pause
  ok "device stops" migctl vf0 set STOP
  ok "device runs" migctl vf0 set RUNNING
  ok "virtual CPUs run" vfguest guest resume
  ok "traffic" vfguest guest send 50
  ok "traffic behind" vfguest guest wait
  ok "traffic of the sibling" vfguest sibling wait
  ok "driver goes" vfguest guest stop
  ok "driver of the sibling goes" vfguest sibling stop
  ok "close" migctl vf0 close
  ok "close" migctl vf1 close
}

# A function is reset under its driver, and in the middle of a migration.
reset_in_the_middle() {
  open_vf vf0 0
  ok "guest driver" vfguest start guest vf0 --guest 1
  ok "traffic" vfguest guest send 400
  wait_ms 3
  ok "reset under traffic" migctl vf0 reset
  ok "guest driver again, traffic goes on" vfguest guest renew
  ok "traffic after the reset" vfguest guest wait
  ok "to STOP_COPY" migctl vf0 set STOP_COPY
  ok "reset while saving" migctl vf0 reset
  refused "stream of the save" "no data stream" migctl vf0 save /tmp/none
  ok "guest driver again" vfguest guest renew
  ok "traffic" vfguest guest send 100
  ok "traffic after it" vfguest guest wait
  ok "driver goes" vfguest guest stop
  ok "close" migctl vf0 close
}

# load_refused WHAT NAME FILE: newer drivers load while the image is written, that of Linux 6.1 when RESUMING is left.
load_refused() {
  if [ $load_at_write = 1 ]; then
    refused "$1" "the state is RESUMING" migctl $2 load $3
  else
    ok "$1: written" migctl $2 load $3
    refused "$1" "the state is RESUMING" migctl $2 set STOP
  fi
}

# What the protocol does not allow.
wrong_arcs() {
  open_vf vf2 2
  refused "ERROR is no target" EINVAL migctl vf2 set ERROR
  load_at_write=0
  if has_precopy vf2; then load_at_write=1; fi
  ok "to RESUMING" migctl vf2 set RESUMING
  echo 'neither a record header nor anything else that a driver or a device knows' >/tmp/garbage
  load_refused "garbage is no image" vf2 /tmp/garbage
  ok "reset" migctl vf2 reset
  ok "close" migctl vf2 close
}

# Commands that the firmware refuses: errno and state are what the stock driver makes of it.
refusals() {
  open_vf vf0 0
  load_at_write=0
  if has_precopy vf0; then load_at_write=1; fi
  simulator refuse SUSPEND_VHCA
  refused "SUSPEND refused" "the state is RUNNING " migctl vf0 set STOP
  ok "it works the next time" migctl vf0 set STOP
  simulator refuse SAVE_VHCA_STATE
  ok "save starts" migctl vf0 set STOP_COPY
  refused "SAVE refused" "(ENODEV); the state is STOP_COPY" migctl vf0 save /tmp/none
  ok "back to STOP" migctl vf0 set STOP
  ok "save again" migctl vf0 set STOP_COPY
  ok "saved" migctl vf0 save /tmp/again
  ok "runs again" migctl vf0 set RUNNING
  ok "load starts" migctl vf0 set RESUMING
  simulator refuse LOAD_VHCA_STATE
  load_refused "LOAD refused" vf0 /tmp/again
  ok "reset" migctl vf0 reset
  ok "state" migctl vf0 state
  simulator refuse RESUME_VHCA
  ok "to STOP" migctl vf0 set STOP
  refused "RESUME refused" "the state is STOP " migctl vf0 set RUNNING
  ok "runs" migctl vf0 set RUNNING
  ok "close" migctl vf0 close
}

remove_pf() {
  ok "SR-IOV off" set_vfs 0
  ok "PF driver goes" unbind $pf
  ok "PF driver comes back" bind $pf mlx5_core
  ok "PF driver" has_driver $pf mlx5_core
}

for case in ${CASES:-probe save_and_load migrate_under_traffic quiesce_under_traffic reset_in_the_middle wrong_arcs refusals remove_pf}; do
  say "== $case"
  $case
done
finish
