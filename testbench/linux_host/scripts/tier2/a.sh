# Tier 2, source host: the VF of the VM goes to host B and comes back, while the project's guest driver works on it.
. /lib/vfsim.sh

source_host
read -r pool <$shared/vm.pool
ok "dirty tracking" migctl vf0 dirty start $pool
migrate_out vf0 there
ok "dirty pages" migctl vf0 dirty report /tmp/reported $pool
ok "B runs it" get b.runs 30
ok "dirty tracking ends" migctl vf0 dirty stop
ok "source stops" migctl vf0 set STOP
ok "source is left" migctl vf0 close
open_vf vf0 0
tell a.open
migrate_in vf0 back
tell a.runs
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
