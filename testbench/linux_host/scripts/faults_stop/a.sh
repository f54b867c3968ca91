# What defects need to show that a device does not survive: a VF is stopped, its state is saved twice, and it
# never runs again. (With a producer index that is wrong an armed queue would raise events for ever, as it should.)
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
ok "guest driver" vfguest start guest vf0
ok "traffic" vfguest guest send 100
ok "traffic before" vfguest guest wait
ok "virtual CPUs stop" vfguest guest pause
ok "device stops" migctl vf0 set STOP_COPY
ok "save" migctl vf0 save /tmp/image
ok "save again" migctl vf0 set STOP
ok "save again" migctl vf0 set STOP_COPY
ok "save again" migctl vf0 save /tmp/again
ok "reset" migctl vf0 reset
ok "close" migctl vf0 close
finish
