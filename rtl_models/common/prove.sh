#!/usr/bin/env bash
# Proves the assertions of one top, or shows that a seeded bug breaks one. See vf_prove in rtl_models/CMakeLists.txt.
#
#   prove.sh --id ID --out FOLDER --top TOP --engine ENGINE --expect proved|refuted [--define NAME[=V]]... [--param NAME=V]...
#            SOURCE...
#
# ENGINE  pdr      yosys -> AIGER -> berkeley-abc pdr: unbounded; bugs by bmc3, deep ones by pdr
#         kind:K   yosys-smtbmc and z3, k-induction of depth K: unbounded
#         bmc:K    yosys-smtbmc and z3, K cycles from reset: bounded
# Writes FOLDER/ID.row (id, engine, depth, seconds, verdict; tabs) and for a refuted one FOLDER/ID.vcd.
# Exit status: 0 as expected, 1 not, 77 a tool is missing.
set -euo pipefail

engine=pdr expect=proved defines=() params=() sources=()
while [ $# -gt 0 ]; do
  case $1 in
    --id) id=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --top) top=$2; shift 2 ;;
    --engine) engine=$2; shift 2 ;;
    --expect) expect=$2; shift 2 ;;
    --include) include=$2; shift 2 ;;
    --define) defines+=("-D$2"); shift 2 ;;
    --param) params+=("-chparam ${2%%=*} ${2#*=}"); shift 2 ;; # of the top
    *) sources+=("$1"); shift ;;
  esac
done

for tool in yosys yosys-smtbmc z3 berkeley-abc; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed (apt-get install yosys z3 berkeley-abc)"; exit 77; }
done

work=$out/work/$id # of this run only: tests run side by side
rm -rf "$work" "$out/$id.row" "$out/$id.vcd"
mkdir -p "$work"
base=$work/p
limit=540 # seconds of processor time for each step: a busy machine finds the same
start=$(date +%s%N)

finish() { # verdict depth
  local seconds
  seconds=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f", ns / 1e9 }')
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$id" "$engine" "$2" "$seconds" "$1" "$expect" >"$out/$id.row"
  printf '%s: %s by %s, %s, %s s (expected: %s)\n' "$id" "$1" "$engine" "$2" "$seconds" "$expect"
  [ "$1" = "$expect" ]
  exit
}
fail() {
  printf '%s: %s\n' "$id" "$1" >&2
  printf '%s\t%s\t-\t-\terror\t%s\n' "$id" "$engine" "$expect" >"$out/$id.row"
  exit 1
}

# What yosys 0.23 reads without a word and gets wrong: bind.
if grep -nE '^[[:space:]]*bind[[:space:]]' "${sources[@]}"; then fail "yosys ignores bind"; fi

# Warnings are errors, because yosys 0.23 warns of what it reads wrongly. Benign:
benign='Replacing memory .* with list of registers' # an unpacked array becomes flip-flops
warnings() {
  if grep -h '^Warning:' "$1" | grep -vE "$benign" >&2; then fail "yosys warns (see above; all output: $1)"; fi
}

yosys -q -l "$base.read.log" -p "
  read_verilog -defer -sv -formal -I$include ${defines[*]:-} ${sources[*]}
  hierarchy -check -top $top ${params[*]:-}
  prep -top $top
  flatten
  async2sync
  dffunmap
  memory_map -formal
  opt_clean
  select -assert-min 1 t:\$assert
  setundef -anyseq -undriven
  check -assert
  write_rtlil $base.il
  write_smt2 -wires $base.smt2" >"$base.yosys" 2>&1 || { tail -n 5 "$base.yosys" >&2; fail "yosys does not read it"; }
warnings "$base.read.log"

aiger() {
  yosys -q -l "$base.aig.log" -p "
    read_rtlil $base.il
    chformal -cover -remove
    opt -full -nosdff -nodffe
    techmap
    opt -fast -nosdff -nodffe
    dffunmap
    opt_clean
    aigmap
    opt_clean
    write_aiger -I -B -zinit -map $base.aim $base.aig" >"$base.yosys" 2>&1 || { tail -n 5 "$base.yosys" >&2; fail "no AIGER"; }
  warnings "$base.aig.log"
}
# abc COMMANDS [SECONDS]
abc() { (cd "$work" && ulimit -t "${2:-$limit}" && berkeley-abc -c "read_aiger p.aig; fold; orpos; $1") >"$base.abc.log" 2>&1 || true; }
smt() { (ulimit -t $limit && yosys-smtbmc -s z3 --unroll "$@" "$base.smt2") >"$base.smt.log" 2>&1 || true; }
# The counterexample on the word-level netlist, in no time; false: the simulator does not reach the failure.
simulate() {
  yosys -q -l "$base.sim.log" -p "
    read_rtlil $base.il
    sim -r $base.aiw -map $base.aim -clock clk_i -zinit -vcd $out/$id.vcd" >"$base.yosys" 2>&1 &&
    grep -q 'Assert .* failed' "$base.sim.log" && ! grep -q 'Assum[a-z]* .* failed' "$base.sim.log"
}
# The locals of functions have names that GTKWave does not parse: out of the wave, with their values.
readable() {
  awk '$1 == "$var" && /\$func\$/ { gone[$4] = 1; next }
       /^b/ && $2 in gone { next }
       /^[01xz]/ && substr($1, 2) in gone { next }
       { print }' "$1" >"$1.tmp" && mv "$1.tmp" "$1"
}
failed_step() { grep -oE 'step [0-9]+' "$base.smt.log" | tail -n 1; }

case $engine in
  pdr)
    aiger
    if [ "$expect" = proved ]; then
      abc "pdr; write_cex -a p.aiw"
      if grep -q 'Property proved' "$base.abc.log"; then finish proved 'unbounded'; fi
    else # shallow ones by BMC, which finds the shortest
      abc "bmc3 -F 60; write_cex -a p.aiw" 20
      grep -q 'asserted in frame' "$base.abc.log" || abc "pdr; write_cex -a p.aiw"
    fi
    frame=$(grep -oE 'asserted in frame [0-9]+' "$base.abc.log" | grep -oE '[0-9]+$' | tail -n 1 || true)
    [ -n "$frame" ] || { tail -n 3 "$base.abc.log" >&2; finish unknown '-'; }
    # abc counts on a folded netlist; the replay on the word-level one shows whether it is a counterexample
    if simulate; then
      grep -ohE 'Assert .* failed' "$base.sim.log" | head -n 3
      readable "$out/$id.vcd"
      printf 'counterexample: %s\n' "$out/$id.vcd"
      finish refuted "frame $frame"
    fi
    smt --aig "$base.aim:$base.aiw" --aig-noheader --dump-vcd "$out/$id.vcd"
    grep -q 'Status: FAILED' "$base.smt.log" || { tail -n 3 "$base.smt.log" >&2; fail "the replay does not fail"; }
    ;;
  kind:*)
    smt -i -t "${engine#kind:}" --dump-vcd "$base.induction.vcd"
    if grep -q 'Status: PASSED' "$base.smt.log"; then
      smt -t "${engine#kind:}" --dump-vcd "$out/$id.vcd" # the base case
      if grep -q 'Status: PASSED' "$base.smt.log"; then finish proved "unbounded"; fi
    fi
    ;;
  bmc:*)
    smt -t "${engine#bmc:}" --dump-vcd "$out/$id.vcd"
    if grep -q 'Status: PASSED' "$base.smt.log"; then finish proved "${engine#bmc:} cycles"; fi
    ;;
  *) fail "unknown engine $engine" ;;
esac
if grep -q 'Status: FAILED' "$base.smt.log" && [ -s "$out/$id.vcd" ]; then
  grep -hE 'Assert failed' "$base.smt.log" | sed 's/^.*Assert/Assert/' | head -n 3
  readable "$out/$id.vcd"
  printf 'counterexample: %s\n' "$out/$id.vcd"
  if [ -n "${frame:-}" ]; then finish refuted "frame $frame"; fi
  finish refuted "$(failed_step)"
fi
tail -n 3 "$base.smt.log" >&2
finish unknown '-'
