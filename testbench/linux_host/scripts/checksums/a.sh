# A TCP stream to a VM, of which one frame comes damaged from the wire: its checksum is all that tells.
. /lib/vfsim.sh

source_host 10.0.0.1
ok "a stream" netcheck send 10.0.0.2 5001 1048576 4096 375
wanted=${out#*digest }
get vm.digest 30
read -r got <$shared/vm.digest
same "digest of the stream on both ends" "$got" "${wanted%%,*}"
ok "the VM is done" get vm.done 60
ok "close" migctl vf0 close
finish
