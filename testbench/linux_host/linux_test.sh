#!/usr/bin/env bash
# linux_test.sh VFSIM BUILD VERSION CASE: tests with a real kernel (label linux). Exit status 77: there is none.
# Cases: tier<TIER>, faults and checksums (twice, equal), fault.<FAULT>, rtl, commands, actions.<SCRIPTS>, interrupt, interrupt_vm, killed, panic,
# panic_in_migration, errors, shell, simulator_killed.
set -euo pipefail
vfsim=$1 build=$2 version=$3 case=$4
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
scripts=$here/scripts
kernel=$(ls "${VFSIM_LINUX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vfsim/linux}"/build/"$version"-*/linux 2>/dev/null | head -n 1)
if [ ! -x "$kernel" ]; then
  echo "no kernel $version: run ./vfsim linux --kernel $version first"
  exit 77
fi
initramfs=$("$here/initramfs/build.sh" "$build")
work=$(mktemp -d)
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*"
  tail -n 40 "$work"/*.txt 2>/dev/null
  exit 1
}
# run NAME OPTIONS...: sets status; output in NAME.txt
run() {
  local name=$1
  shift
  status=0
  "$vfsim" linux --kernel-image "$kernel" --initramfs "$initramfs" "$@" >"$work/$name.txt" 2>&1 || status=$?
}
# begin_and_await LINE OPTIONS...: begins a run, and returns when its transcript has the line; sets pid
begin_and_await() {
  local line=$1
  shift
  "$vfsim" linux --kernel-image "$kernel" --initramfs "$initramfs" "$@" >"$work/begun.txt" 2>&1 &
  pid=$!
  until grep -q "$line" "$work/begun.txt"; do
    kill -0 $pid 2>/dev/null || fail "the run ended before it said '$line'"
    sleep 0.05
  done
}
# No process of a run may be left.
no_kernel_left() {
  local pid
  for pid in $(pgrep -f "uml_dir=uml/.*vfsim.dir"); do # other runs may be going on
    case $(readlink "/proc/$pid/cwd") in "$TMPDIR"/*) fail "a kernel is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")" ;; esac
  done
}
# No process, socket or folder of a run may be left.
nothing_left() {
  [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
  no_kernel_left
}
# interrupted WHAT: a signal that ends the run has been sent to pid
interrupted() {
  status=0
  wait $pid || status=$?
  [ $status = 1 ] || fail "$1: exit status $status"
  grep -q "the run was interrupted" "$work/begun.txt" || fail "$1: no word of the interrupt"
  nothing_left
}
# The order of a function's commands: opcodes, one a line.
commands_of() {
  sed -n 's/.*"kind":"command_submitted","host":"'"$2"'","fn":'"$3"',.*"opcode":"\(0x[0-9a-f]*\)".*/\1/p' "$1"
}
# The same for the actions of a script: what the PF's driver asked for in each phase, under the headings of FILE in
# their order: "NAME op_mod". Phases behind the last heading are left out.
commands_by_action() {
  awk '
    FNR == 1 { ++input }
    input == 1 && match($0, /^OPCODE\([A-Z0-9_]+, *0x[0-9a-fA-F]+/) {
      split(substr($0, 8, RLENGTH - 7), row, /, */); name[tolower(row[2])] = row[1] }
    input == 2 && /^== / { heading[++headings] = $0 }
    input == 3 && /"kind":"phase".*"begin":true/ { ++phase; if (phase <= headings) print heading[phase] }
    input == 3 && phase && phase <= headings && /"kind":"command_submitted","host":"A","fn":0,/ {
      match($0, /"opcode":"0x[0-9a-f]+"/); opcode = substr($0, RSTART + 10, RLENGTH - 11)
      match($0, /"op_mod":[0-9]+/); print name[opcode], substr($0, RSTART + 9, RLENGTH - 9) }
  ' "$here/../../firmware/interface/opcodes.def" "$2" "$1"
}

case $case in
  tier* | faults | checksums)
    for n in 1 2; do
      run $n --script "$scripts/$case" --json "$work/$n.json"
      [ $status = 0 ] || fail "$case: exit status $status"
      nothing_left
    done
    # Only the wall-clock time may differ.
    cmp <(sed 's/ in [0-9.]* s,/ in S,/' "$work/1.txt") <(sed 's/ in [0-9.]* s,/ in S,/' "$work/2.txt") || fail "two runs differ"
    ;;
  rtl) # RTL in the place of the NIC's blocks: the drivers see the same device, and every assertion is on
    run rtl --script "$scripts/tier1" --set nic.rtl=all
    [ $status = 0 ] || fail "exit status $status"
    grep -q "A1 held" "$work/rtl.txt" || fail "no RTL was clocked"
    nothing_left
    ;;
  commands)
    echo '. /lib/vfsim.sh; ok "PF driver" has_driver $pf mlx5_core; finish' >"$work/probe.sh"
    run probe --script "$work/probe.sh" --events "$work/probe.events"
    [ $status = 0 ] || fail "exit status $status"
    commands_of "$work/probe.events" A 0 >"$work/probe.commands"
    diff <(grep -v '^#' "$here/expected/probe_$version.commands") "$work/probe.commands" || fail "other commands at probe"
    ;;
  actions.*)
    tier=${case#actions.}
    expected=$here/expected/${tier}_$version.commands
    run actions --script "$scripts/$tier" --events "$work/actions.events"
    [ $status = 0 ] || fail "exit status $status"
    commands_by_action "$work/actions.events" "$expected" >"$work/actions.commands"
    diff <(sed -e 's/ *#.*//' -e '/^$/d' "$expected") "$work/actions.commands" || fail "other commands than in $expected"
    ;;
  fault.*)
    fault=${case#fault.}
    read -r folder overrides < <(sed -n "s/^$fault //p" "$here/fault_runs.txt")
    options=()
    for override in $overrides; do options+=(--set "$override"); done
    rule=$("$vfsim" list faults | awk -v fault="$fault" '$1 == fault { print $3 }')
    run fault --script "$scripts/$folder" --limit 20 --fault "$fault" "${options[@]}"
    [ $status = 1 ] || fail "$fault: exit status $status"
    grep -q " $rule violated" "$work/fault.txt" || fail "$fault was not seen by $rule"
    nothing_left
    ;;
  interrupt)
    printf 'echo begun; while :; do :; done\n' >"$work/forever.sh"
    printf 'echo begun; sleep 1000000\n' >"$work/sleep.sh"
    for script in forever sleep; do
      begin_and_await '| begun' --script "$work/$script.sh" --limit 1000000
      kill -INT $pid
      interrupted "$script"
    done
    ;;
  interrupt_vm)
    # early, with the VM running, in the middle of it
    for line in 'Linux version' 'first pings' 'B runs it'; do
      begin_and_await "$line" 3
      kill -TERM $pid
      interrupted "after '$line'"
    done
    ;;
  shell)
    run shell --shell < <(printf '%s\n' 'echo hello-$((6*7))' '. /lib/vfsim.sh' 'set_vfs 1' 'open_vf vf0 0' \
      'migctl vf0 set STOP' poweroff)
    [ $status = 0 ] || fail "exit status $status"
    grep -q "^hello-42" "$work/shell.txt" || fail "no answer"
    grep -q "RUNNING -> STOP" "$work/shell.txt" || fail "the VF did not stop"
    nothing_left
    "$vfsim" linux --kernel-image "$kernel" --initramfs "$initramfs" --shell < <(sleep 5) >"$work/shell.txt" 2>&1 &
    pid=$!
    sleep 3
    kill -INT $pid
    wait $pid || fail "Ctrl-C: exit status $?"
    nothing_left
    ;;
  panic)
    printf '070701%0103dTRAILER!!!%06d' 0 0 | gzip >"$work/empty.gz"
    initramfs=$work/empty.gz
    echo true >"$work/true.sh"
    for what in "--script $work/true.sh" 3; do # one guest, several
      run panic $what
      [ $status = 1 ] || fail "$what: exit status $status"
      grep -q "Kernel panic" <(tail -n 1 "$work/panic.txt") || fail "$what: no word of the panic"
      nothing_left
    done
    ;;
  panic_in_migration)
    # of each guest, while the VF is on its way (a kernel without memory panics on request)
    for role in a b vm; do
      rm -rf "$work/scripts"
      cp -r "$scripts/tier3" "$work/scripts"
      sed -i "s|^\. /lib/vfsim.sh|&\n(echo 1 >/proc/sys/vm/panic_on_oom; wait_ms 480; mkdir /tmp/full; mount -t tmpfs -o size=1G none /tmp/full\n\
        dd if=/dev/zero of=/tmp/full/x bs=1M) \&|" "$work/scripts/$role.sh"
      run panic --script "$work/scripts"
      [ $status = 1 ] || fail "$role: exit status $status"
      name=$(echo "${role:0:1}" | tr abv ABV)
      grep -q "fail (guest $name: Kernel panic" <(tail -n 1 "$work/panic.txt") || fail "$role: no word of the panic"
      nothing_left
    done
    ;;
  errors)
    # one line, the right exit status, nothing left
    # wrong STATUS TEXT OPTIONS...: the last line has the text
    wrong() {
      local expected=$1 text=$2
      shift 2
      run wrong "$@"
      [ $status = "$expected" ] || fail "$*: exit status $status"
      grep -q -- "$text" <(tail -n 1 "$work/wrong.txt") || fail "$*: no word of '$text'"
      nothing_left
    }
    echo true >"$work/true.sh"
    echo text >"$work/text"
    for option in --events --timeline --json; do
      wrong 2 "/dev/full: cannot be written" --script "$work/true.sh" $option /dev/full
    done
    wrong 2 "nowhere.sh' is no file" --script "$work/nowhere.sh"
    wrong 2 "nic.vfs = 9: .* allowed is 1 to 7" --script "$work/true.sh" --set nic.vfs=9
    (initramfs=$work/text; wrong 1 "Kernel panic" --script "$work/true.sh")
    (kernel=$work/text; wrong 2 "$work/text' cannot be executed" --script "$work/true.sh")
    (kernel=/bin/true; wrong 2 "guest A: the kernel ended before it began; it is /bin/true" --script "$work/true.sh")
    (
      TMPDIR=$work/nowhere
      run wrong --script "$work/true.sh"
      [ $status = 2 ] || fail "TMPDIR: exit status $status"
      grep -q "nowhere: no folder for temporary files" "$work/wrong.txt" || fail "no word of TMPDIR"
    )
    for stdout in '| head -n 1 >/dev/null' '>/dev/full'; do # who reads goes away; nothing can be written
      status=0
      eval "\"$vfsim\" linux 3 --kernel-image \"$kernel\" --initramfs \"$initramfs\" 2>\"$work/wrong.txt\" $stdout" || status=$?
      [ $status = 2 ] || fail "$stdout: exit status $status"
      [ "$(cat "$work/wrong.txt")" = "vfsim: linux: standard output cannot be written to" ] || fail "$stdout: another word"
      nothing_left
    done
    ;;
  killed)
    # one of several kernels ends before its time: the others do not wait for it
    begin_and_await 'first pings' 3
    for guest in $(pgrep -o -f "umid=vm .*vfsim.role=vm" -P $pid); do kill -KILL "$guest"; done
    status=0
    wait $pid || status=$?
    [ $status = 1 ] || fail "exit status $status"
    grep -q "guest V: its kernel ended before its script did" <(tail -n 1 "$work/begun.txt") || fail "no word of the end"
    nothing_left
    ;;
  simulator_killed)
    # no kernel nor program of a guest goes on; the folder is removed by the next run
    for line in 'Linux version' 'first pings' 'B runs it'; do
      begin_and_await "$line" 3
      kill -KILL $pid
      wait $pid || true
      sleep 1
      no_kernel_left
      [ "$(ls -A "$TMPDIR" | wc -l)" = 1 ] || fail "after '$line' there are $(ls -A "$TMPDIR")"
    done
    echo true >"$work/true.sh"
    run next --script "$work/true.sh"
    nothing_left
    ;;
  *) fail "unknown case $case" ;;
esac
