#!/bin/bash
# Installs what the tests need, builds, and runs them.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

usage() {
  cat <<'TEXT'
usage: tests/run.sh [--quick] [--preset dev|asan|tsan|release] [--jobs N]

Installs the Debian packages that are missing, builds the preset in build/PRESET and runs its tests.
  --quick     only the tests that need neither sockets nor processes (labels unit and protocol)
  --preset    dev (default), asan, tsan or release
  --jobs N    builds and tests at a time; default: the number of processors
The exit code is 0 only if all tests passed.
TEXT
}

fail_usage() {
  echo "tests/run.sh: $1" >&2
  usage >&2
  exit 2
}

preset=dev
quick=false
jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=true ;;
    --preset | --jobs)
      [ $# -ge 2 ] || fail_usage "$1 needs a value"
      if [ "$1" = --preset ]; then preset=$2; else jobs=$2; fi
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) fail_usage "there is no option '$1'" ;;
  esac
  shift
done
case $preset in
  dev | asan | tsan | release) ;;
  *) fail_usage "there is no preset '$preset'" ;;
esac
[[ $jobs =~ ^[1-9][0-9]*$ ]] || fail_usage "--jobs must be a number, not '$jobs'"

say() { echo "== $*"; }

say "packages"
install_packages "${build_packages[@]}" "${example_packages[@]}" "${test_packages[@]}" "${bench_packages[@]}" \
  "${browser_packages[@]}"

say "building preset $preset in build/$preset, $jobs at a time"
# The benchmarks are only seen to work, and not by sanitizers: those measure nothing that anybody runs.
bench=OFF
if ! $quick && [ "$preset" != asan ] && [ "$preset" != tsan ]; then bench=ON; fi
cmake --preset "$preset" -DLANDSEER_TESTS=ON -DLANDSEER_BENCH="$bench"
cmake --build --preset "$preset" -j "$jobs"

selection=()
if $quick; then
  selection=(-L '^(unit|protocol)$')
  say "testing, labels unit and protocol only"
else
  say "testing"
fi
began=$SECONDS
code=0
ctest --preset "$preset" -j "$jobs" --output-on-failure --no-tests=error "${selection[@]}" </dev/null || code=$?

if [ "$code" = 0 ]; then
  say "passed: preset $preset, $((SECONDS - began)) s of tests, $SECONDS s in all"
else
  say "FAILED: preset $preset; the tests that failed are listed above, their output is in" \
    "build/$preset/Testing/Temporary/LastTest.log"
fi
exit "$code"
