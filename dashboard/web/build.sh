#!/bin/bash
# Builds the dashboard's page: see usage below.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
usage: dashboard/web/build.sh [--check]

Builds the page into dashboard/web/dist: fetches the packages that package-lock.json names, checks the
types, runs the unit tests, bundles, and reports the sizes. Does nothing when dist is newer than its sources.
  --check  checks and bundles in any case
Needs Node 18 or later and npm: apt-get install nodejs npm
TEXT
}

always=false
case ${1-} in
  "") ;;
  --check) always=true ;;
  -h | --help) usage; exit 0 ;;
  *) echo "build: there is no option '$1'" >&2; usage >&2; exit 2 ;;
esac

for program in node npm; do
  if ! command -v "$program" >/dev/null; then
    echo "build: $program is missing; as root: apt-get install nodejs npm" >&2
    exit 1
  fi
done
version=$(node --version)
major=${version#v}
major=${major%%.*}
if ! [[ $major =~ ^[0-9]+$ ]] || [ "$major" -lt 18 ]; then
  echo "build: the page needs Node 18 or later, this is $version ($(command -v node)); Debian 12 has 18" >&2
  exit 1
fi

# A digest of everything that the result depends on.
stamp=$({ find src tests -type f -print0 | sort -z | xargs -0 sha256sum; \
  sha256sum build.sh build.mjs test.mjs package.json package-lock.json tsconfig.json; echo "$version"; } | sha256sum)
stamp=${stamp%% *}
if ! $always && [ "$(cat dist/stamp 2>/dev/null)" = "$stamp" ]; then
  echo "page: dist is up to date"
  exit 0
fi

packages=$(sha256sum package-lock.json)
if [ "$(cat node_modules/.landseer-lock 2>/dev/null)" != "$packages" ]; then
  echo "page: fetching packages"
  npm ci --ignore-scripts --no-audit --no-fund
  echo "$packages" >node_modules/.landseer-lock
fi
echo "page: checking types"
node node_modules/typescript/bin/tsc --noEmit
echo "page: unit tests"
node test.mjs
echo "page: bundling"
node build.mjs
echo "$stamp" >dist/stamp
echo "page: built in dashboard/web/dist"
