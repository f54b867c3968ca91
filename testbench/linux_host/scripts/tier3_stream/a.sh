# Tier 3 with a TCP stream: as tier 3, and this host takes the stream and checks each byte of it.
. /lib/vfsim.sh

netcheck receive 5001 >/tmp/stream 2>&1 &
stream=$!
source_host 10.0.0.1
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
