#!/bin/bash
# Measures everything: builds what is needed, installs the peers, runs bench/suite.py's commands, prints the table.
#   bench/run.sh [--without-peers] [--quick] [--only WORD]... [--runs K] [--folder FOLDER] [--out FILE]
# Figures are worth something on a machine that does nothing else. docs/performance.md tells how to read them.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh
out=bench/results/performance.json
peers=yes
quick=no
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; ++i)); do
  case ${arguments[i]} in
    --without-peers) peers=no ;;
    --quick) quick=yes ;;
    --out) out=${arguments[i + 1]} ;;
  esac
done
if [ "$quick" = yes ] && [ "$out" = bench/results/performance.json ]; then out=build/bench/quick.json; fi

install_packages "${build_packages[@]}" "${bench_packages[@]}" python3
cmake --preset release -DLANDSEER_BENCH=ON >/dev/null
cmake --build build/release --target landseer-broker landseer-worker landseer bench/all
if [ "$peers" = yes ]; then bench/peers/install.sh; fi

failed=0
bench/collect.py "$@" --out "$out" || failed=$?
bench/table.py "$out" --curves "${out%.json}.svg" | tee "${out%.json}.md"
exit "$failed"
