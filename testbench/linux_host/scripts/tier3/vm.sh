# Tier 3, the VM: its only device is the VF, driven by the stock Ethernet driver. 1000 pings while the VF migrates there
# and back.
. /lib/vfsim.sh

ok "driver" has_driver 0000:00:00.0 mlx5_core
net_up 10.0.0.2
ok "first pings" netcheck ping 10.0.0.1 5 2000
tell vm.works
ok "1000 pings" netcheck ping 10.0.0.1 1000 2000
ok "A runs the VF" get a.runs 60
ok "last pings" netcheck ping 10.0.0.1 5 2000
net_counted
tell vm.done
finish
