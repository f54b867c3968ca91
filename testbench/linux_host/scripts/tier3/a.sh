# Tier 3, source host: the VM's VF goes to host B and comes back. This host's PF is the VM's peer on the wire.
. /lib/vfsim.sh

netcheck receive 5001 >/tmp/stream 2>&1 &
stream=$!
source_host 10.0.0.1
wait_ms 100
migrate_out vf0 there
ok "B runs it" get b.runs 30
ok "source stops" migctl vf0 set STOP
ok "source is left" migctl vf0 close
open_vf vf0 0
wait_ms 200
tell a.open
migrate_in vf0 back
tell a.runs
ok "the VM is done" get vm.done 60
if [ -e $shared/vm.digest ]; then
  ok "the stream ends" wait $stream
  read -r out </tmp/stream
  say "$out"
  read -r wanted <$shared/vm.digest
  out=${out#*digest }
  same "digest of the stream on both ends" "$wanted" "${out%%,*}"
else
  kill $stream
fi
ok "close" migctl vf0 close
finish
