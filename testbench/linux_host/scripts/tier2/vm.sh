# Tier 2, the VM: its only device is the VF; the project's own guest driver uses it, not the kernel's.
. /lib/vfsim.sh

nic=0000:00:00.0
ok "driver at boot" has_driver $nic mlx5_core
ok "the kernel's driver goes" unbind $nic
ok "to vfio-pci" bind $nic vfio-pci
ok "guest driver" vfguest start guest $nic --burst 32
ok "traffic" vfguest guest send 200
ok "traffic before" vfguest guest wait
ok "traffic" vfguest guest send 20000
tell vm.works
ok "B runs the VF" get b.runs 60
ok "A runs the VF" get a.runs 60
ok "traffic there and back" vfguest guest wait
ok "traffic" vfguest guest send 500
ok "traffic behind" vfguest guest wait
ok "driver goes" vfguest guest stop
tell vm.done
finish
