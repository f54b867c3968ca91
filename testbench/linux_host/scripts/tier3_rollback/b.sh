# Tier 3, the destination that gets a damaged image.
. /lib/vfsim.sh

ok "PF driver" has_driver $pf mlx5_core
ok "one VF" set_vfs 1
open_vf vf0 0
at=write  # newer drivers load while the image is written, that of Linux 6.1 when RESUMING is left
has_precopy vf0 || at=stop
load_pieces vf0 there
cp $last /tmp/damaged
size=$(wc -c </tmp/damaged)
printf 'damaged!' | dd of=/tmp/damaged bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
if [ $at = stop ]; then
  ok "written" migctl vf0 load /tmp/damaged
  refused "load" "the state is RESUMING" migctl vf0 set STOP
else
  refused "load" E migctl vf0 load /tmp/damaged
fi
tell b.refused
ok "reset" migctl vf0 reset
ok "state" migctl vf0 state
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
