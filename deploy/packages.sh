# shellcheck shell=bash
# The Debian 12 packages this project needs and how its scripts install them. Sourced, not run.

# shellcheck disable=SC2034  # used by the scripts that source this file
build_packages=(
  g++ cmake ninja-build pkg-config git ccache
  libzmq3-dev cppzmq-dev libmsgpack-cxx-dev libspdlog-dev libfmt-dev libcli11-dev libyaml-cpp-dev
  nlohmann-json3-dev libssl-dev libsqlite3-dev libexpected-dev libboost-dev prometheus-cpp-dev zlib1g-dev
)
# Where Node and npm are here from elsewhere they stay: Debian's exclude other ones.
page_packages=()
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then page_packages=(nodejs npm); fi
# shellcheck disable=SC2034
browser_packages=(chromium fonts-dejavu-core python3-yaml python3-jsonschema "${page_packages[@]}")
# shellcheck disable=SC2034
example_packages=(python3 python3-numpy python3-sklearn)
# shellcheck disable=SC2034
podman_packages=(podman runc catatonit uidmap)
# shellcheck disable=SC2034
bench_packages=(libbenchmark-dev)
# shellcheck disable=SC2034
test_packages=(
  libgtest-dev python3-jsonschema python3-yaml shellcheck iproute2 iptables "${podman_packages[@]}"
  busybox-static binutils systemd
)
# shellcheck disable=SC2034
fuzz_packages=(clang-14 libclang-rt-14-dev)

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# As root, or with sudo. apt-get never asks and waits for another one that is at work.
run_apt() {
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 "$@")
  if [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive "${apt[@]}" </dev/null
  else
    sudo env DEBIAN_FRONTEND=noninteractive "${apt[@]}"
  fi
}

# install_packages NAME...: those that are missing; nothing is asked of the network if none is.
install_packages() {
  local name missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "packages: this is not Debian; the following are taken to be here: $*" >&2
    return 0
  fi
  for name in "$@"; do
    is_installed "$name" || missing+=("$name")
  done
  if [ "${#missing[@]}" = 0 ]; then
    echo "packages: all $# are installed"
    return 0
  fi
  echo "packages: installing ${missing[*]}"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "packages: neither root nor sudo; as root: apt-get install ${missing[*]}" >&2
    return 1
  fi
  if ! run_apt update || ! run_apt install --no-install-recommends "${missing[@]}"; then
    echo "packages: apt-get failed; see its messages above" >&2
    return 1
  fi
}
