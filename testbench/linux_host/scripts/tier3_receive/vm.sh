# Tier 3 with a TCP stream to the VM.
. /lib/vfsim.sh

ok "driver" has_driver 0000:00:00.0 mlx5_core
net_up 10.0.0.2
ok "first pings" netcheck ping 10.0.0.1 5 2000
netcheck receive 5001 >/tmp/stream 2>&1 &
stream=$!
wait_ms 10
tell vm.works
ok "stream" wait $stream
read -r out </tmp/stream
say "$out"
digest=${out#*digest }
echo "${digest%%,*}" >$shared/vm.digest
ok "A runs the VF" get a.runs 60
net_counted
tell vm.done
finish
