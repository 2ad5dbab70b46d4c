#!/bin/bash
# Fuzzes with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: many executions of each
# target, memory and time of each input bounded. Prints one line of JSON for each target.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh

usage() {
  cat <<'TEXT'
usage: tests/fuzz/run.sh [--target NAME]... [--executions N] [--jobs N] [--results FILE]

Installs clang when it is missing, builds the preset `fuzz` in build/fuzz as far as it is needed, and runs.
  --target NAME    one of tests/fuzz, repeatable; default: all
  --executions N   of each target; default 2000000
  --jobs N         builds at a time; targets run one after the other; default: the number of processors
  --results FILE   where the lines go besides the terminal; default: build/fuzz/results.jsonl
What is found is left in build/fuzz/findings/TARGET. The exit code is 0 only if nothing was found.
TEXT
}

fail_usage() {
  echo "tests/fuzz/run.sh: $1" >&2
  usage >&2
  exit 2
}

mapfile -t known < <(sed -n 's/^fuzz_target(\([a-z_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
targets=()
executions=2000000
jobs=$(nproc)
results=build/fuzz/results.jsonl
while [ $# -gt 0 ]; do
  case $1 in
    --target | --executions | --jobs | --results)
      [ $# -ge 2 ] || fail_usage "$1 needs a value"
      case $1 in
        --target) targets+=("$2") ;;
        --executions) executions=$2 ;;
        --jobs) jobs=$2 ;;
        --results) results=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) fail_usage "there is no option '$1'" ;;
  esac
  shift
done
[[ $executions =~ ^[1-9][0-9]*$ ]] || fail_usage "--executions must be a number, not '$executions'"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || fail_usage "--jobs must be a number, not '$jobs'"
[ "${#targets[@]}" -gt 0 ] || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $target "* ]] || fail_usage "there is no target '$target', but: ${known[*]}"
done

install_packages "${build_packages[@]}" libgtest-dev "${fuzz_packages[@]}" >&2
mkdir -p build
cmake --preset fuzz >build/fuzz-configure.log 2>&1 || { cat build/fuzz-configure.log >&2; exit 1; }
cmake --build --preset fuzz -j "$jobs" --target "${targets[@]/#/fuzz_}" >&2

# One value of libFuzzer's closing statistics.
statistic() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }

failed=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  findings=build/fuzz/findings/$target
  log=build/fuzz/$target.log
  mkdir -p "$corpus" "$findings" "tests/fuzz/corpus/$target"
  begin=$(date +%s)
  code=0
  # What one input may take: 64 MiB at once, 2 GiB in all with the sanitizers' own, ten seconds. Without libFuzzer's
  # entropic schedule: it took 69 % of the time of `peers`, whose inputs reach tens of thousands of features.
  LANDSEER_FUZZ_SEEDS=$corpus "build/fuzz/tests/fuzz_$target" \
    -entropic=0 -runs="$executions" -max_len=65536 -malloc_limit_mb=64 -rss_limit_mb=2048 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" "tests/fuzz/corpus/$target" >"$log" 2>&1 || code=$?
  done_runs=$(statistic "$log" number_of_executed_units)
  peak=$(statistic "$log" peak_rss_mb)
  found=$(find "$findings" -type f | wc -l)
  printf '{"target":"%s","executions":%s,"seconds":%s,"peak_rss_mb":%s,"findings":%s,"exit_code":%s,"commit":"%s"}\n' \
    "$target" "${done_runs:-0}" "$(($(date +%s) - begin))" "${peak:-0}" "$found" "$code" \
    "$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" | tee -a "$results"
  if [ "$code" != 0 ] || [ "$found" != 0 ]; then
    failed=1
    tail -n 30 "$log" >&2
  fi
done
exit "$failed"
