# Tier 3 with a TCP stream to the VM: as tier 3, and this host goes on sending while the VM stands still.
. /lib/vfsim.sh

source_host 10.0.0.1
netcheck send 10.0.0.2 5001 8388608 4096 375 >/tmp/stream 2>&1 &
stream=$!
there_and_back
ok "the VM is done" get vm.done 60
ok "the stream ends" wait $stream
read -r out </tmp/stream
say "$out"
read -r wanted <$shared/vm.digest
out=${out#*digest }
same "digest of the stream on both ends" "$wanted" "${out%%,*}"
net_counted
ok "close" migctl vf0 close
finish
