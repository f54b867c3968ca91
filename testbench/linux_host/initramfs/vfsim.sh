# Functions of the guests' scripts: . /lib/vfsim.sh
# A script ends with the status of `finish`: 0 when every check held.

bus=/sys/bus/pci
pf=0000:00:00.0
shared=/host/shared
checks=0
failed=0

# vf INDEX: the address of a VF.
vf() { printf '0000:00:%02x.0\n' $(($1 + 1)); }

# Text with the guest's time in front, as the kernel's messages have.
say() { awk -v text="$*" '{ printf "[%5.2f     ] %s: %s\n", $1, role, text }' role="$ROLE" /proc/uptime; }

# ok WHAT COMMAND...: the command must end with status 0; what it prints is shown.
ok() {
  local what=$1 out rc
  shift
  checks=$((checks + 1))
  out=$("$@" 2>&1) && rc=0 || rc=$?
  verdict "$what" 0 $rc "$out"
}

# refused WHAT TEXT COMMAND...: the command must fail, and what it prints must contain the text.
refused() {
  local what=$1 text=$2 out rc
  shift 2
  checks=$((checks + 1))
  out=$("$@" 2>&1) && rc=0 || rc=$?
  case "$rc $out" in
    0*) verdict "$what" 1 0 "$out" ;;
    *"$text"*) verdict "$what" $rc $rc "$out" ;;
    *) verdict "$what ($text)" 1 $rc "$out" ;;
  esac
}

# same WHAT WANTED FOUND
same() {
  checks=$((checks + 1))
  [ "$2" = "$3" ] && verdict "$1" 0 0 "$3" || verdict "$1" 0 1 "$3 instead of $2"
}

verdict() {
  if [ "$2" = "$3" ]; then
    say "ok    $1${4:+: $4}"
  else
    say "FAIL  $1${4:+: $4}"
    failed=$((failed + 1))
  fi
}

# Makes that many VFs, without their driver.
enable_vfs() {
  echo 0 >$bus/devices/$pf/sriov_drivers_autoprobe
  echo "$1" >$bus/devices/$pf/sriov_numvfs
}

# bind ADDRESS DRIVER
bind() {
  echo "$2" >$bus/devices/$1/driver_override
  echo "$1" >$bus/drivers/$2/bind
}
unbind() { echo "$1" >$bus/devices/$1/driver/unbind; }
driver_of() { basename "$(readlink $bus/devices/$1/driver)"; }

# put FILE: makes a file of /tmp visible to the other guests, all of it at once. get FILE SECONDS: waits for one.
put() { cp "/tmp/$1" "$shared/$1.part" && mv "$shared/$1.part" "$shared/$1"; }
tell() { echo "$*" >"$shared/$1.part" && mv "$shared/$1.part" "$shared/$1"; }
get() {
  local tries=0
  while [ ! -e "$shared/$1" ]; do
    tries=$((tries + 1))
    if [ $tries -gt $(($2 * 1000)) ]; then return 1; fi
    usleep 1000
  done
}

finish() {
  say "$((checks - failed)) of $checks checks held"
  [ $failed = 0 ] && [ $checks != 0 ]
  exit $?
}
