# Tiers 2 and 3, destination host: the VM's VF comes, and goes back.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
migrate_in vf0 there
tell b.runs
ok "A is ready again" get a.open 30
migrate_out vf0 back
ok "A runs it" get a.runs 30
leave_source vf0
ok "the VM is done" get vm.done 60
finish
