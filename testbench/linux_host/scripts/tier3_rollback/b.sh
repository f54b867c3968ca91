# Tier 3, the destination that gets a damaged image.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
load_pieces vf0 there
cp $last /tmp/damaged
size=$(wc -c </tmp/damaged)
printf 'damaged!' | dd of=/tmp/damaged bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
refused "load" E migctl vf0 load /tmp/damaged
tell b.refused
ok "reset" migctl vf0 reset
ok "state" migctl vf0 state
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
