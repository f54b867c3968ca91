#!/usr/bin/env bash
# A regression that fails in part, against an earlier one: the index page in a real browser, what it links to, and the
# evidence that failing cases leave.
# usage: index_page_test.sh VFSIM; ends with 77 (skipped) where there is no chromium.
set -euo pipefail
vfsim=$1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "skipped: no chromium"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

cat > "$work/probe.js" <<'JS'
<script>
const seen = {};
const folds = [...document.querySelectorAll("main > details")];
seen.titles = folds.map(d => d.firstChild.textContent);
const open = folds.map(d => d.open);
folds.forEach(d => d.firstChild.click());
seen.toggled = folds.every((d, i) => d.open !== open[i]);
folds.forEach(d => { d.open = true; });
seen.failed = document.querySelectorAll(".cells .f").length;
seen.wide = document.documentElement.scrollWidth > innerWidth;
document.body.append(Object.assign(document.createElement("pre"), { id: "seen", textContent: "SEEN " + JSON.stringify(seen) }));
</script>
JS
render() { # PAGE WIDTH: prints the line of what was seen
  cat "$1" "$work/probe.js" > "$work/page.html"
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size="$2",900 \
    --enable-logging=stderr --v=0 --dump-dom "file://$work/page.html" > "$work/dom" 2> "$work/log" || fail "the browser ended with $?"
  if grep -i "console" "$work/log"; then fail "the page wrote to the console"; fi
  grep -o 'SEEN {.*}' "$work/dom" || fail "the page's probe did not end"
}
expect() { grep -qF -- "$2" <<<"$1" || fail "'$2' is not in: $1"; }

small=(--set workload.replay_guests=0 --set workload.packets=400 --set workload.time_limit_ms=20)
"$vfsim" regress migrate p2p "${small[@]}" --out "$work/before" > /dev/null 2>&1 || fail "the regression without a defect failed"
# The same cases, but the product got worse: the name of what was built in is taken out of the results.
"$vfsim" regress migrate p2p "${small[@]}" --fault page_misplaced --out "$work/broken" > /dev/null 2>&1 && fail "the defect passed"
sed -i 's/"faults":\["page_misplaced"\]/"faults":[]/' "$work/broken/results.jsonl"
"$vfsim" regress merge "$work/broken" --baseline "$work/before" --html "$work/index.html" --junit "$work/junit.xml" \
  --out "$work/whole" > "$work/text" && fail "the broken regression passed"
grep -q 'newly failing [12]: ' "$work/text" || fail "the summary names no newly failing case"

if grep -nE '<script|src=|url\(|@import|https?:' "$work/index.html"; then fail "the page needs a script or loads something"; fi
for width in 1200 390; do # a desk, a phone
  seen=$(render "$work/index.html" "$width")
  expect "$seen" '"toggled":true'
  expect "$seen" '"wide":false'
  expect "$seen" 'Failing cases ('
  expect "$seen" '"Trend"'
done
links=0
for link in $(grep -o 'href="[^"]*"' "$work/index.html" | sed 's/href="//; s/"$//' | sort -u | grep -v '^#'); do
  [ -s "$work/$link" ] || fail "the page links to $link, which is not there"
  links=$((links + 1))
done
[ "$links" -ge 2 ] || fail "no links to evidence"
for folder in "$work"/broken/failures/*/; do
  for file in report.html waves.fst waves.gtkw; do
    [ -s "$folder$file" ] || fail "$folder$file is missing"
  done
done
grep -q 'D2 at ' "$work/junit.xml" || fail "JUnit does not name the rule"
[ ! -e "$work/before/failures" ] || fail "passing cases left evidence"
echo "passed: $seen"
