# Tier 3, a failing migration: the image is damaged on its way, the destination cannot load it, and the VM goes on here.
. /lib/vfsim.sh

source_host 10.0.0.1
wait_ms 100
migrate_out vf0 there
ok "B has refused it" get b.refused 30
ok "dirty tracking ends" migctl vf0 dirty stop
ok "saving ends" migctl vf0 set STOP
ok "the VF runs here again" migctl vf0 set RUNNING
tell a.runs
ok "the VM is done" get vm.done 60
net_counted
ok "close" migctl vf0 close
finish
