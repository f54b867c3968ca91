# Tier 1, a firmware command that is never answered: the stock driver waits for its time-out (a minute, simulated). It
# keeps the slot of the command for ever, so this guest does not power off by itself: the simulator ends it.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "SR-IOV on" set_vfs 1
open_vf vf0 0
simulator drop SUSPEND_VHCA
refused "SUSPEND is not answered" "(ETIMEDOUT); the state is RUNNING" migctl vf0 set STOP
finish
