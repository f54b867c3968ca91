#!/usr/bin/env bash
# linux_test.sh VFSIM BUILD VERSION CASE: tests with a real kernel (label linux). Exit status 77: there is none.
# Cases: tier<TIER> and faults (twice, equal), fault.<FAULT>, rtl, commands, actions.<SCRIPTS>, interrupt, interrupt_vm, killed, panic, shell.
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
# begin_and_await LINE: begins tier 3, and returns when its transcript has the line; sets pid
begin_and_await() {
  "$vfsim" linux 3 --kernel-image "$kernel" --initramfs "$initramfs" >"$work/begun.txt" 2>&1 &
  pid=$!
  until grep -q "$1" "$work/begun.txt"; do
    kill -0 $pid 2>/dev/null || fail "the run ended before it said '$1'"
    sleep 0.05
  done
}
# No process, socket or folder of a run may be left.
nothing_left() {
  [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
  local pid
  for pid in $(pgrep -f "uml_dir=uml/.*vfsim.dir"); do # other runs may be going on
    case $(readlink "/proc/$pid/cwd") in "$TMPDIR"/*) fail "a kernel is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")" ;; esac
  done
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
  tier* | faults)
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
    printf 'while :; do :; done\n' >"$work/forever.sh"
    printf 'sleep 1000000\n' >"$work/sleep.sh"
    for script in forever sleep; do
      "$vfsim" linux --kernel-image "$kernel" --initramfs "$initramfs" --script "$work/$script.sh" --limit 1000000 \
        >"$work/$script.txt" 2>&1 &
      pid=$!
      sleep 4
      kill -INT $pid
      status=0
      wait $pid || status=$?
      [ $status = 1 ] || fail "$script: exit status $status"
      grep -q "the run was interrupted" "$work/$script.txt" || fail "$script: no word of the interrupt"
      nothing_left
    done
    ;;
  interrupt_vm)
    # early, with the VM running, in the middle of it
    for line in 'Linux version' 'first pings' 'B runs it'; do
      begin_and_await "$line"
      kill -TERM $pid
      status=0
      wait $pid || status=$?
      [ $status = 1 ] || fail "after '$line': exit status $status"
      grep -q "the run was interrupted" "$work/begun.txt" || fail "after '$line': no word of the interrupt"
      nothing_left
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
  killed)
    # one of several kernels ends before its time: the others do not wait for it
    begin_and_await 'first pings'
    for guest in $(pgrep -o -f "umid=vm .*vfsim.role=vm" -P $pid); do kill -KILL "$guest"; done
    status=0
    wait $pid || status=$?
    [ $status = 1 ] || fail "exit status $status"
    grep -q "guest V: its kernel ended before its script did" <(tail -n 1 "$work/begun.txt") || fail "no word of the end"
    nothing_left
    ;;
  *) fail "unknown case $case" ;;
esac
