#!/bin/bash
# Builds the container images of the example's tools; see usage below.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
usage: deploy/examples/build_images.sh [--engine podman|docker] [--from packages|registry]

Builds landseer-examples/NAME:v1 from each folder images/NAME, and below them landseer-examples/base:v1,
if that is not there yet.
  --engine E       podman (default) or docker
  --from packages  the base is made of the files of this host's own Debian packages (python3-numpy and all it
                   needs, which must be installed): nothing is downloaded. Default on Debian.
  --from registry  the base is debian:12-slim with python3-numpy, from the registry and Debian's mirrors.
TEXT
}

fail_usage() {
  echo "build_images: $1" >&2
  usage >&2
  exit 2
}

engine=podman
from=packages
command -v dpkg-query >/dev/null || from=registry
while [ $# -gt 0 ]; do
  case $1 in
    --engine | --from)
      [ $# -ge 2 ] || fail_usage "$1 needs a value"
      if [ "$1" = --engine ]; then engine=$2; else from=$2; fi
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) fail_usage "there is no option '$1'" ;;
  esac
  shift
done
case $engine in podman | docker) ;; *) fail_usage "there is no engine '$engine'" ;; esac
case $from in packages | registry) ;; *) fail_usage "there is no base '$from'" ;; esac
command -v "$engine" >/dev/null || {
  echo "build_images: $engine is not installed" >&2
  exit 1
}

repository=landseer-examples
[ "$engine" = docker ] || repository=localhost/landseer-examples
base=$repository/base:v1

# All that a package needs, itself included, as far as it is installed here.
closure() {
  local -A seen=()
  local queue=("$@") name
  while [ "${#queue[@]}" -gt 0 ]; do
    name=${queue[0]}
    queue=("${queue[@]:1}")
    [ -z "${seen[$name]:-}" ] || continue
    seen[$name]=1
    while read -r name; do
      [ -n "${seen[$name]:-}" ] || queue+=("$name")
    done < <(dpkg-query -W -f '${Pre-Depends}, ${Depends}\n' "$name" 2>/dev/null |
      sed 's/[,|]/\n/g' | sed 's/(.*//; s/:.*//; s/ //g' | grep -v '^$' || true)
  done
  printf '%s\n' "${!seen[@]}" | sort
}

# The packages behind the links by which numpy finds its linear algebra.
algebra_packages() {
  local link
  for link in /etc/alternatives/lib{blas,lapack}*; do
    [ ! -e "$link" ] || dpkg-query -S "$(readlink "$link")"
  done | sed 's/:.*//'
}

# Every file of those packages, and what their installation made besides: the links of merged /usr and of
# alternatives, the list of libraries, and the accounts.
package_files() {
  local name packages
  mapfile -t packages < <(algebra_packages | sort -u)
  while read -r name; do
    dpkg-query -L "$name" 2>/dev/null || true
  done < <(closure base-files coreutils dash libc-bin sed grep python3-numpy "${packages[@]}")
  for name in /bin /sbin /lib /lib64 /etc/ld.so.cache /etc/passwd /etc/group; do
    [ ! -e "$name" ] || echo "$name"
  done
  find /usr/lib -type l -lname '/etc/alternatives/*'
  find /etc/alternatives -type l
}

if "$engine" image inspect "$base" >/dev/null 2>&1; then
  echo "base: $base is here"
elif [ "$from" = registry ]; then
  "$engine" build --tag "$base" base
else
  echo "base: $base, of this host's packages"
  # Packages name /bin/cat, which on a merged /usr lies in /usr/bin.
  merged='s#^/(bin|sbin|lib|lib64)/#/usr/\1/#'
  [ -L /bin ] || merged=
  package_files | sed -E "$merged" |
    grep -v -e '^/\.$' -e '^/usr/share/doc' -e '^/usr/share/man' -e '^/usr/share/locale' | sort -u |
    while read -r name; do
      # Folders that are links here must stay links; what a package only suggests may be missing.
      if [ -L "$name" ] || [ -e "$name" ]; then echo "${name#/}"; fi
    done |
    tar --directory=/ --create --no-recursion --files-from=- |
    "$engine" import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - "$base" >/dev/null
fi

for folder in images/*/; do
  name=$(basename "$folder")
  echo "image: $repository/$name:v1"
  "$engine" build --quiet --build-arg "BASE=$base" --tag "$repository/$name:v1" "$folder" >/dev/null
done
