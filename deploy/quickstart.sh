#!/bin/bash
# From a fresh machine to a table of results: see usage below.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

usage() {
  cat <<'TEXT'
usage: deploy/quickstart.sh [--keep] [--no-page] [--workers N] [--runtime process|podman|docker]

Installs the Debian packages that are missing, builds the programs in build/release, starts a broker
and workers on this machine, runs deploy/examples/digits.yaml on them, and prints the results and
where their CSV files are. Everything it writes is in build/ and dashboard/web; what it started is stopped at
the end, also when a step fails.
  --keep       leave the broker and the workers running, and say how to go on
  --no-page    do not build the dashboard's page, which needs nodejs, npm and a package registry
  --workers N  how many workers; default 2
  --runtime R  process (default): the tools run as plain processes of your user; podman or docker: in
               containers, whose images are built first, of this machine's own packages; podman is installed
               if it is missing, docker must be there
TEXT
}

fail_usage() {
  echo "quickstart: $1" >&2
  usage >&2
  exit 2
}

keep=false
page=true
workers=2
runtime=process
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=true ;;
    --no-page) page=false ;;
    --workers | --runtime)
      [ $# -ge 2 ] || fail_usage "$1 needs a value"
      if [ "$1" = --workers ]; then workers=$2; else runtime=$2; fi
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) fail_usage "there is no option '$1'" ;;
  esac
  shift
done
[[ $workers =~ ^[1-9][0-9]{0,2}$ && $workers -le 256 ]] ||
  fail_usage "--workers must be a number from 1 to 256, not '$workers'"
case $runtime in
  process) worker_options=(--images deploy/examples/images) ;;
  podman | docker) worker_options=() ;;
  *) fail_usage "there is no runtime '$runtime'" ;;
esac

root=$PWD
bin=$root/build/release/bin
place=$root/build/quickstart
step="starting"
is_up=false

say() { echo "== $*"; }

# Whatever happens, nothing stays behind that nobody asked for.
clean_up() {
  local code=$?
  trap - EXIT INT TERM HUP
  if [ "$code" != 0 ]; then
    echo "quickstart: failed while $step (exit code $code); see the messages above" >&2
    if $is_up; then echo "quickstart: the logs are in $LANDSEER_HOME/logs" >&2; fi
  fi
  if $is_up && { ! $keep || [ "$code" != 0 ]; }; then
    say "stopping the broker and the workers"
    if ! "$bin/landseer" down; then
      echo "quickstart: could not stop everything; see $LANDSEER_HOME/up.json" >&2
      [ "$code" != 0 ] || code=1
    fi
  fi
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step="installing packages"
say "$step"
packages=("${build_packages[@]}" "${example_packages[@]}")
[ "$runtime" != podman ] || packages+=("${podman_packages[@]}")
if $page; then packages+=("${page_packages[@]}"); fi
install_packages "${packages[@]}"

step="building the programs"
say "$step in build/release"
cmake --preset release -DLANDSEER_TESTS=OFF
cmake --build --preset release --target landseer landseer-broker landseer-worker landseer-dashboard

if $page; then
  step="building the dashboard's page"
  say "$step"
  if ! dashboard/web/build.sh; then
    page=false
    echo "quickstart: going on without the dashboard's page; --no-page does not try" >&2
  fi
fi

if [ "$runtime" != process ]; then
  step="building the tools' images"
  say "$step"
  deploy/examples/build_images.sh --engine "$runtime"
fi

step="exporting the data set"
say "$step"
# The system's Python, since that is the one the packages above are for.
/usr/bin/python3 -B deploy/examples/export_digits.py "$place/digits"

export LANDSEER_HOME=$place/home
step="starting a broker and $workers workers"
say "$step, LANDSEER_HOME=$LANDSEER_HOME"
is_up=true # also a start that fails half-way is for clean_up
"$bin/landseer" up --workers "$workers" --runtime "$runtime" "${worker_options[@]}" --data "digits=$place/digits"

# A link works once, so that each run shows another one.
if $page && [ -x "$bin/landseer-dashboard" ]; then
  step="making a link to the dashboard"
  say "watch it in a browser on this machine: $("$bin/landseer" --quiet dashboard --control)"
fi

step="running deploy/examples/digits.yaml"
say "$step"
"$bin/landseer" submit deploy/examples/digits.yaml --evaluators deploy/examples/evaluators.yaml --wait

step="printing the results"
say "results"
"$bin/landseer" results last --csv "$place/results"

say "done"
echo "The table above as CSV files:"
echo "  $place/results/results_combinations.csv"
echo "  $place/results/results_tools.csv"
if $keep; then
  cat <<TEXT
The broker and the workers go on. To use them:
  export LANDSEER_HOME=$LANDSEER_HOME PATH="$bin:\$PATH"
  landseer list
  landseer dashboard
  landseer submit deploy/examples/digits_full.yaml --evaluators deploy/examples/evaluators.yaml --wait
  landseer down
TEXT
fi
