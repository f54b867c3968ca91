# Tier 1, chunk mode: the firmware offers migration_in_chunks, so that the stock driver saves and loads an image in pieces,
# one while the one before is read. Linux 6.1 does not know of it. The firmware commands of the phases are compared with
# testbench/linux_host/expected/tier1_chunks_*.commands.
. /lib/vfsim.sh

# move FROM TO: the guest goes from one VF to the other; pre-copy before, if PRE_COPY is the third word.
move() {
  ok "traffic" vfguest guest send 200
  wait_ms 1
  if [ "$3" = PRE_COPY ]; then
    simulator phase "pre-copy"
    ok "pre-copy" migctl $1 set PRE_COPY
    ok "first image" migctl $1 save /tmp/image.$3
    wait_ms 1
  fi
  ok "virtual CPUs stop" vfguest guest pause
  simulator phase "save"
  ok "device stops" migctl $1 set STOP_COPY
  ok "save" migctl $1 save /tmp/image.$3
  simulator phase "save ends"
  ok "source is left" migctl $1 set STOP
  simulator phase "load"
  ok "load starts" migctl $2 set RESUMING
  ok "load" migctl $2 load /tmp/image.$3
  simulator phase "load ends"
  ok "loaded" migctl $2 set STOP
  simulator phase "run"
  ok "the guest moves" vfguest guest move $2
  ok "device runs" migctl $2 set RUNNING
  ok "source is reset" migctl $1 reset
  ok "virtual CPUs run" vfguest guest resume
  ok "traffic across the migration" vfguest guest wait
}

ok "PF driver" has_driver $pf mlx5_core
ok "SR-IOV on" set_vfs 2
open_vf vf0 0
open_vf vf1 1
has_precopy vf0 || finish # Linux 6.1
ok "guest driver" vfguest start guest vf0
move vf0 vf1 STOP_COPY
move vf1 vf0 PRE_COPY
simulator phase "end"
ok "driver goes" vfguest guest stop
ok "close" migctl vf0 close
ok "close" migctl vf1 close
simulator phase "power-off"
finish
