# Tier 3, source host: the VM's VF goes to host B and comes back. This host's PF is the VM's peer on the wire.
. /lib/vfsim.sh

source_host 10.0.0.1
there_and_back
ok "the VM is done" get vm.done 60
net_counted
ok "close" migctl vf0 close
finish
