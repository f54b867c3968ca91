#!/usr/bin/env bash
# Makes the pictures of the documentation: GTKWave under Xvfb, report pages in Chromium.
# usage: pictures.sh VFSIM FOLDER
# Needs gtkwave, xvfb, xauth, xdotool, imagemagick, chromium (Debian packages of these names).
set -euo pipefail
vfsim=$(readlink -f "$1")
mkdir -p "$2"
out=$(readlink -f "$2")
settings=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../../waves/views/gtkwaverc")
for program in gtkwave xvfb-run xdotool import chromium; do
  command -v "$program" > /dev/null || { echo "pictures.sh: $program is missing"; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# waves NAME HEIGHT OPTIONS...: the view that the run leaves, or its head with the rows of $work/NAME.rows
waves() {
  local name=$1 height=$2
  shift 2
  "$vfsim" run "$@" --wave "$work/$name.fst" > /dev/null || true # a failing run has a picture, too
  if [ -e "$work/$name.rows" ]; then
    sed '/^\[signals_width\]/q' "$work/$name.gtkw" > "$work/head"
    cat "$work/head" "$work/$name.rows" > "$work/$name.gtkw"
  fi
  (cd "$work" && xvfb-run -a -s "-screen 0 1500x${height}x24" bash -c '
    gtkwave --rcfile "$1" "$0.gtkw" > /dev/null 2>&1 &
    viewer=$!
    for ((i = 0; i < 100; i++)); do xdotool search --name GTKWave > /dev/null 2>&1 && break; sleep 0.1; done
    xdotool search --name GTKWave windowsize 1500 "$2" windowmove 0 0 > /dev/null 2>&1 || true
    sleep 3
    import -window root "$0.png"
    kill $viewer' "$name" "$settings" "$height")
  convert "$work/$name.png" -crop "1488x$((height - 118))+6+116" +repage -colors 64 "PNG8:$out/waves_$name.png"
}

# page NAME WIDTH HEIGHT OPTIONS...: the report page of a run, its first screen
page() {
  local name=$1 width=$2 height=$3
  shift 3
  "$vfsim" run "$@" --report "$work/$name.html" > /dev/null || true
  shot "$work/$name.html" "$width" "$height" "$out/report_$name.png"
}
shot() { # FILE WIDTH HEIGHT PICTURE
  timeout 60 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --window-size="$2,$3" --screenshot="$work/shot.png" "file://$1" > /dev/null 2>&1
  convert "$work/shot.png" -colors 64 "PNG8:$4"
}

waves migrate 760 migrate
waves drain 700 stop_copy --set pcie.latency_ns=5000 --fault ack_before_drain --wave-groups all --wave-last 20us
host=vfsim.A.nic.rtl
cat > "$work/rtl.rows" << ROWS
@200
-A.vf0
@100000028
vfsim.A.vf0.migration_state[2:0]
vfsim.A.vf0.run_state[2:0]
@24
vfsim.A.vf0.outstanding_reads[15:0]
@20
vfsim.A.vf0.transaction
@200
-RTL dma_gate
@28
$host.dma_gate.clk_i
[color] 5
$host.dma_gate.rd_valid_o
@24
[color] 5
$host.dma_gate.rd_tag_o[7:0]
@28
[color] 5
$host.dma_gate.wr_valid_o
[color] 5
$host.dma_gate.cpl_valid_i
@24
[color] 5
$host.dma_gate.cpl_tag_i[7:0]
@200
-RTL mkey_walker
@28
[color] 6
$host.mkey_walker.req_valid_i
@100000028
[color] 6
$host.mkey_walker.mkey_walker_checked.u_walker.u_walk.state_q[2:0]
@28
[color] 6
$host.mkey_walker.ans_valid_o
ROWS
waves rtl 480 migrate --set nic.rtl=all --wave-groups all --wave-from 105.0665ms --wave-to 105.0695ms
page ack_before_drain 1100 900 stop_copy --set pcie.latency_ns=5000 --fault ack_before_drain
page write_held_back 1100 760 migrate --fault write_held_back
page tx_duplicated 1100 900 migrate --fault tx_duplicated
page dirty_page_missed 1100 1000 migrate --set workload.time_limit_ms=50 --fault dirty_page_missed
page save_past_mkey 1100 800 migrate --set workload.time_limit_ms=50 --fault save_past_mkey
page phone 390 900 stop_copy --set pcie.latency_ns=5000 --fault ack_before_drain

"$vfsim" regress migrate p2p stop_copy --seeds 4 --out "$work/before" > /dev/null 2>&1 || true
"$vfsim" regress migrate p2p stop_copy guest_reset --seeds 4 --set pcie.latency_ns=5000 --fault drain_count_narrow \
  --out "$work/now" > /dev/null 2>&1 || true
# As if the product had changed and not the options.
sed -i 's/"overrides":\[[^]]*\],"faults":\[[^]]*\]/"overrides":[],"faults":[]/' "$work/now/results.jsonl"
"$vfsim" regress merge "$work/now" --baseline "$work/before" --html "$work/index.html" > /dev/null 2>&1 || true
shot "$work/index.html" 1000 900 "$out/regress_index.png"
echo "pictures.sh: $(ls "$out" | wc -l) files in $out"
