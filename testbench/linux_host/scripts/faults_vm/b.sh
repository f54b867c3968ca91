# The other host.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
migrate_in vf0 there
tell b.runs
get vm.done 2 # or it is broken
finish
