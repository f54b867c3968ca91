# Every action of the stock drivers by itself, each as a phase of the event log: the firmware commands of each are compared
# with testbench/linux_host/expected/actions_*.commands, whose sections have the same order.
. /lib/vfsim.sh

# action WHAT COMMAND...
action() {
  wait_ms 1 # what the one before has only started belongs to it
  simulator phase "$1"
  ok "$@"
}
range=0x1000000+0x100000

ok "PF driver" has_driver $pf mlx5_core
wait_ms 5 # the Ethernet driver reads statistics in the background
action "SR-IOV on" set_vfs 2
vf 0
action "bind" bind $vf mlx5_vfio_pci
action "bind" bind 0000:00:02.0 mlx5_vfio_pci
action "open" migctl open vf0 0000:00:01.0
action "open" migctl open vf1 0000:00:02.0
action "initiator stops" migctl vf0 set RUNNING_P2P
action "responder stops" migctl vf0 set STOP
action "save starts" migctl vf0 set STOP_COPY
action "save" migctl vf0 save /tmp/image
wait_ms 1 # Linux 6.1 cleans up in the background
action "save ends" migctl vf0 set STOP
action "responder runs" migctl vf0 set RUNNING_P2P
action "initiator runs" migctl vf0 set RUNNING
if has_precopy vf0; then
  action "pre-copy starts" migctl vf0 set PRE_COPY
  action "first image" migctl vf0 save /tmp/pieces
  action "what is left" migctl vf0 precopy
  action "pre-copy ends" migctl vf0 set RUNNING
  action "pre-copy starts again" migctl vf0 set PRE_COPY
  action "first image" migctl vf0 save /tmp/pieces
  action "pre-copy to stop" migctl vf0 set STOP_COPY
  action "last image" migctl vf0 save /tmp/pieces
  action "save ends" migctl vf0 set STOP
  action "runs" migctl vf0 set RUNNING
fi
action "stops" migctl vf1 set STOP
action "load starts" migctl vf1 set RESUMING
action "load" migctl vf1 load /tmp/image
action "load ends" migctl vf1 set STOP
action "dirty tracking starts" migctl vf1 dirty start $range
action "dirty report" migctl vf1 dirty report /tmp/pages $range
action "dirty tracking ends" migctl vf1 dirty stop
action "reset" migctl vf1 reset
action "close" migctl vf1 close
action "close" migctl vf0 close
action "unbind" unbind 0000:00:01.0
action "unbind" unbind 0000:00:02.0
action "SR-IOV off" set_vfs 0
action "PF driver goes" unbind $pf
action "end" true
finish
