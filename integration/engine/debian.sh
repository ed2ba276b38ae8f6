# shellcheck shell=bash
# Sourced, not run: installs Debian packages that the scripts beside this file need.

# install_missing PACKAGE...: installs those that are not installed, and does nothing at all where none is missing.
install_missing() {
  local missing=() package
  for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "not installed, and only root can: ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${missing[*]}" >&2
  local apt=(apt-get -o DPkg::Lock::Timeout=600 -qq)
  # The lists of a new machine are empty or name versions that the mirror no longer has.
  "${apt[@]}" update >&2
  DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2
}

# package_of COMMAND PACKAGE: prints the package where the command is missing.
package_of() {
  command -v "$1" >/dev/null || echo "$2"
}

# engine_packages: prints what the node and its image are built from and run with, where it is missing.
engine_packages() {
  package_of mvn maven
  package_of curl curl
  package_of docker docker.io
  package_of dockerd docker.io
  echo openjdk-17-jdk-headless # the image takes its Java from this very package
  echo libzstd1
}
