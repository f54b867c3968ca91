# Tier 3 with a TCP stream of 8 MB while the VF migrates there and back: 4 KiB every 375 us, so that it lasts longer.
. /lib/vfsim.sh

ok "driver" has_driver 0000:00:00.0 mlx5_core
net_up 10.0.0.2
ok "first pings" netcheck ping 10.0.0.1 5 2000
tell vm.works
ok "stream" netcheck send 10.0.0.1 5001 8388608 4096 375
digest=${out#*digest }
echo "${digest%%,*}" >$shared/vm.digest
ok "A runs the VF" get a.runs 60
ok "last pings" netcheck ping 10.0.0.1 5 2000
net_counted
tell vm.done
finish
