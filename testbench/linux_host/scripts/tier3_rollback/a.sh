# Tier 3, a failing migration: the image is damaged on its way, the destination cannot load it, and the VM goes on here.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "address" ip addr add 10.0.0.1/24 dev eth0
ok "link" ip link set eth0 up
ok "one VF" set_vfs 1
open_vf vf0 0
simulator start vm
ok "the VM works" get vm.works 30
wait_ms 100
migrate_out vf0 there
ok "B has refused it" get b.refused 30
ok "saving ends" migctl vf0 set STOP
ok "the VF runs here again" migctl vf0 set RUNNING
tell a.runs
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
