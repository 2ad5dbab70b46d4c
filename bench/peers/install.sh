#!/bin/bash
# Installs the programs that Landseer is compared with: Debian packages, and a Python environment and node modules in
# build/peers. Nothing is started. To be run again without harm.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh
here=$PWD/bench/peers
to=${LANDSEER_PEERS:-$PWD/build/peers}

# The packages of servers start them; here every benchmark starts its own.
started=(redis-server gearman-job-server)
was_there=()
for name in "${started[@]}"; do if is_installed "$name"; then was_there+=("$name"); fi; done
install_packages redis-server gearman-job-server libgearman-dev make ninja-build gcc python3-venv strace
for name in "${started[@]}"; do
  case " ${was_there[*]} " in *" $name "*) continue ;; esac
  if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then systemctl disable --now "$name" || true; fi
done

mkdir -p "$to"
if ! [ -x "$to/venv/bin/python" ]; then /usr/bin/python3 -m venv "$to/venv"; fi
"$to/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
gcc -O2 -static "$here/support/mark.c" -o "$to/mark"
gcc -O2 "$here/support/gearman_tasks.c" -o "$to/gearman_tasks" -lgearman
if command -v npm >/dev/null; then
  cp "$here/support/package.json" "$to/package.json"
  npm install --prefix "$to" --silent --no-audit --no-fund
else
  echo "peers: no npm, so BullMQ is skipped" >&2
fi
echo "peers: installed in $to"
