# Tier 3, the destination that gets a damaged image.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
ok "image comes" get there 30
cp $shared/there /tmp/damaged
size=$(wc -c </tmp/damaged)
printf 'damaged!' | dd of=/tmp/damaged bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
ok "load starts" migctl vf0 set RESUMING
refused "load" E migctl vf0 load /tmp/damaged
ok "reset" migctl vf0 reset
ok "state" migctl vf0 state
tell b.refused
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
