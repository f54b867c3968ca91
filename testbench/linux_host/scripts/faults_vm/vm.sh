# The VM: the project's own guest driver sends frames meanwhile.
. /lib/vfsim.sh

nic=0000:00:00.0
ok "the kernel's driver goes" unbind $nic
ok "to vfio-pci" bind $nic vfio-pci
ok "guest driver" vfguest start guest $nic --burst 32
ok "traffic" vfguest guest send 5000
tell vm.works
ok "traffic there" vfguest guest wait
tell vm.done
finish
