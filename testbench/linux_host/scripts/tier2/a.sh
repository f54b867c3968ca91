# Tier 2, source host: the VF of the VM goes to host B and comes back, while the project's guest driver works on it.
. /lib/vfsim.sh

source_host
migrate_out vf0 there
ok "B runs it" get b.runs 30
leave_source vf0
open_vf vf0 0
tell a.open
migrate_in vf0 back
tell a.runs
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
