#!/bin/bash
# Runs one of the tests in this folder with Node: see usage below.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
usage: tests/browser/run.sh --build | FILE.mjs [ARGUMENT]...

--build builds the page (dashboard/web/build.sh) and fetches the package that drives the browser.
FILE.mjs is run with Node's test runner, screenshots.mjs as a script. Needs chromium, nodejs and npm; the
exit code is 77, with the reason, where one of them is missing.
TEXT
}

skip() {
  echo "skipped: $1 is missing; as root: apt-get install chromium nodejs npm"
  exit 77
}

case ${1-} in
  "" | -h | --help) usage; [ -n "${1-}" ] || exit 2; exit 0 ;;
esac
for program in node npm; do
  command -v "$program" >/dev/null || skip "$program"
done

# Once for all that run at the same time.
fetch() {
  local wanted
  wanted=$(sha256sum package-lock.json)
  exec 9>>package-lock.json
  flock 9
  if [ "$(cat node_modules/.landseer-lock 2>/dev/null)" != "$wanted" ]; then
    npm ci --ignore-scripts --no-audit --no-fund
    echo "$wanted" >node_modules/.landseer-lock
  fi
  exec 9>&-
}

if [ "$1" = --build ]; then
  fetch
  exec ../../dashboard/web/build.sh
fi
[ -n "${LANDSEER_CHROMIUM-}" ] || command -v chromium chromium-browser google-chrome >/dev/null || skip chromium
[ -f "$1" ] || { echo "run.sh: there is no $1 here" >&2; exit 2; }
fetch
if [ "$1" = screenshots.mjs ]; then
  exec node "$@"
fi
exec node --test "$@"
