# What defects need to show that are about a VM's memory, in little time: the VM's VF goes to host B under traffic. Nobody
# waits for the VM: it may be broken then.
. /lib/vfsim.sh

source_host
migrate_out vf0 there
ok "B runs it" get b.runs 30
leave_source vf0
finish
