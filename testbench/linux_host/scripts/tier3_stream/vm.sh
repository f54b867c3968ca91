# Tier 3 with a TCP stream of 8 MB while the VF migrates there and back.
. /lib/vfsim.sh

ok "driver" has_driver 0000:00:00.0 mlx5_core
ok "address" ip addr add 10.0.0.2/24 dev eth0
ok "link" ip link set eth0 up
ok "first pings" netcheck ping 10.0.0.1 5 2000
tell vm.works
ok "stream" sh -c "netcheck send 10.0.0.1 5001 8388608 | tee /tmp/stream"
ok "A runs the VF" get a.runs 60
ok "last pings" netcheck ping 10.0.0.1 5 2000
grep -o 'digest [0-9a-f]*' /tmp/stream >/tmp/vm.digest
ok "digest goes" put vm.digest
tell vm.done
finish
