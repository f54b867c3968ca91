# The VM, whose stack must drop the damaged frame and get it again.
. /lib/vfsim.sh

# Sets out to the count of TCP segments with a wrong checksum so far.
wrong_segments() {
  local name rest
  while read -r name rest; do
    [ "$name" != Tcp: ] || out=${rest##* }
  done </proc/net/snmp
}

ok "driver" has_driver 0000:00:00.0 mlx5_core
net_up 10.0.0.2
ok "first pings" netcheck ping 10.0.0.1 5 2000
wrong_segments
same "segments with a wrong checksum so far" 0 "$out"
netcheck receive 5001 >/tmp/stream 2>&1 &
stream=$!
wait_ms 10
tell vm.works
wait_ms 5
simulator spoil frame
ok "stream" wait $stream
read -r out </tmp/stream
say "$out"
digest=${out#*digest }
echo "${digest%%,*}" >$shared/vm.digest.part && mv $shared/vm.digest.part $shared/vm.digest
wrong_segments
same "segments with a wrong checksum" 1 "$out"
tell vm.done
finish
