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

# waves NAME HEIGHT OPTIONS...: the view that the run leaves
waves() {
  local name=$1 height=$2
  shift 2
  "$vfsim" run "$@" --wave "$work/$name.fst" > /dev/null || true # a failing run has a picture, too
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
waves rtl 760 migrate --set nic.rtl=all --wave-groups all --wave-from 104.9ms --wave-to 105.4ms
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
