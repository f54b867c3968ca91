# Tier 3, source host: the VM's VF goes to host B and comes back. This host's PF is the VM's peer on the wire.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "address" ip addr add 10.0.0.1/24 dev eth0
ok "link" ip link set eth0 up
ok "one VF" set_vfs 1
open_vf vf0 0
simulator start vm
netcheck receive 5001 >/tmp/stream 2>&1 &
stream=$!
ok "the VM works" get vm.works 30
wait_ms 100
migrate_out vf0 there
ok "B runs it" get b.runs 30
ok "source stops" migctl vf0 set STOP
ok "source is left" migctl vf0 close
open_vf vf0 0
wait_ms 200
tell a.open
migrate_in vf0 back
tell a.runs
ok "the VM is done" get vm.done 60
if [ -e $shared/vm.digest ]; then
  ok "the stream ends" wait $stream
  say "$(cat /tmp/stream)"
  same "digest of the stream on both ends" "$(cat $shared/vm.digest)" "$(grep -o 'digest [0-9a-f]*' /tmp/stream)"
else
  kill $stream
fi
ok "close" migctl vf0 close
finish
