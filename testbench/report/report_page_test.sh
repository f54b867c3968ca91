#!/usr/bin/env bash
# The report page in a real browser: no message on the console, nothing loaded from elsewhere, folding and values under
# the pointer work, and the page of a failing run names the rule, the moment and the guilty command.
# usage: report_page_test.sh VFSIM; ends with 77 (skipped) where there is no chromium.
set -euo pipefail
vfsim=$1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "skipped: no chromium"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# What a reader would do, done by a script behind the page; what it saw goes into the document.
cat > "$work/probe.js" <<'JS'
<script>
const seen = {};
const folds = [...document.querySelectorAll("body > main > details")];
seen.folds = folds.length;
const open = folds.map(d => d.open);
folds.forEach(d => d.firstChild.click());
seen.toggled = folds.every((d, i) => d.open !== open[i]);
folds.forEach(d => { d.open = true; });
const plot = document.querySelector('svg[aria-label^="outstanding DMA of A.vf0"]');
const box = plot.getBoundingClientRect();
plot.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + box.width / 2, clientY: box.top + 60, bubbles: true }));
seen.hover = document.getElementById("tip").textContent;
const part = document.querySelector(".bar > div");
part.dispatchEvent(new PointerEvent("pointerover", { clientX: 50, clientY: 50, bubbles: true }));
seen.part = document.getElementById("tip").textContent;
const guilty = document.querySelector("tr.guilty");
seen.guilty = guilty ? guilty.textContent : "none";
seen.rows = document.querySelectorAll("svg[aria-label='sequence chart'] text").length;
seen.wide = document.documentElement.scrollWidth > innerWidth;
document.body.append(Object.assign(document.createElement("pre"), { id: "seen", textContent: "SEEN " + JSON.stringify(seen) }));
</script>
JS

# render PAGE WIDTH: prints the line of what was seen
render() {
  cat "$1" "$work/probe.js" > "$work/page.html"
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size="$2",900 \
    --enable-logging=stderr --v=0 --dump-dom "file://$work/page.html" > "$work/dom" 2> "$work/log" || fail "the browser ended with $?"
  if grep -i "console" "$work/log"; then fail "the page wrote to the console"; fi
  grep -o 'SEEN {.*}' "$work/dom" || fail "the page's script did not end"
}
expect() { grep -qF -- "$2" <<<"$1" || fail "'$2' is not in: $1"; }

"$vfsim" run stop_copy --set pcie.latency_ns=5000 --fault ack_before_drain --report "$work/bad.html" > /dev/null && fail "the run passed"
"$vfsim" run migrate --set workload.replay_guests=0 --set workload.packets=400 --report "$work/good.html" > /dev/null || fail "the run did not pass"

for page in bad good; do
  grep -nE '(src|href)=|url\(|@import|https?://[^w]' "$work/$page.html" | grep -v 'www.w3.org/2000/svg' && fail "$page: something is loaded from elsewhere"
done
bad=$(render "$work/bad.html" 1200)
expect "$bad" "SUSPEND_VHCA completed"
expect "$bad" "reads outstanding"
expect "$bad" '"toggled":true'
grep -q 'Q2 at ' "$work/dom" || fail "the violated rule is not on the page"
grep -q 'fault ack_before_drain' "$work/dom" || fail "the replay command is not on the page"
for width in 1200 390; do # a desk, a phone
  good=$(render "$work/good.html" "$width")
  expect "$good" '"guilty":"none"'
  expect "$good" "writes in flight"
  expect "$good" '"wide":false'
done
echo "passed: $bad"
