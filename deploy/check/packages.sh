#!/bin/bash
# packages.sh [OS/ARCH...]: makes a release of this platform and of those named (default: one of Windows and one of macOS), and tries what
# came of it: the sums, the list of modules, an installation of each kind of package into a folder, the unit, and that the binary is the same when
# it is built elsewhere. Needs root for the installations.
set -euo pipefail
cd "$(dirname "$0")/../.."
platforms=("$@")
[ $# -gt 0 ] || platforms=(windows/amd64 darwin/arm64)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arch=$(go env GOARCH)
version=0.0.1
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

VERSION=$version DIST=$work/dist deploy/release.sh "linux/$arch" "${platforms[@]}"
dist=$work/dist
(cd "$dist" && sha256sum --quiet --check SHA256SUMS) || fail "the sums"
for platform in "linux/$arch" "${platforms[@]}"; do
  name=tocsin_${version}_${platform/\//_}
  [ -s "$dist/$name.tar.gz" ] || [ -s "$dist/$name.zip" ] || fail "there is no archive of $platform"
  python3 - "$dist/$name.cdx.json" "v$version" <<'P' || fail "the list of modules of $platform"
import json, sys
bom = json.load(open(sys.argv[1]))
names = {c['name'] for c in bom['components']}
assert bom['bomFormat'] == 'CycloneDX' and bom['metadata']['component']['version'] == sys.argv[2], bom['metadata']
wanted = {'std', 'github.com/alecthomas/kong', 'github.com/elastic/elastic-transport-go/v8', 'go.etcd.io/bbolt'}
assert wanted <= names, wanted - names
assert all(c.get('purl') and c.get('version') for c in bom['components']), 'a module without a version'
P
done

# The archive has the binary of the packages.
mkdir "$work/archive"
tar --extract --gzip --file "$dist/tocsin_${version}_linux_$arch.tar.gz" --directory "$work/archive"
[ "$("$work/archive/runner" version)" = "tocsin $version" ] || fail "the archive's binary"

# tried ROOT: what an installation into a folder has to have.
tried() {
  local root=$1
  cmp "$root/usr/bin/runner" "$work/archive/runner" || fail "$root: another binary"
  [ "$(stat --format %a "$root/etc/tocsin/environment")" = 600 ] || fail "$root: others can read secrets"
  [ -d "$root/etc/tocsin/rules" ] || fail "$root: no folder for rules"
  local file
  for file in usr/lib/systemd/system/tocsin.service etc/tocsin/runner.toml usr/share/man/man1/runner-run.1 usr/share/bash-completion/completions/runner \
    usr/share/doc/tocsin/operations.md usr/share/doc/tocsin/sbom.cdx.json; do
    [ -s "$root/$file" ] || fail "$root: no $file"
  done
  # Its unit, with the paths of the folder.
  mkdir -p "$work/unit"
  sed "s#=/usr/bin/runner#=$root/usr/bin/runner#" "$root/usr/lib/systemd/system/tocsin.service" >"$work/unit/tocsin.service"
  systemd-analyze verify --man=no "$work/unit/tocsin.service" || fail "$root: the unit"
  # 1.2 of 10 at the time of writing.
  systemd-analyze security --offline=true --threshold=15 --no-pager "$work/unit/tocsin.service" >"$work/log" || {
    tail -n 1 "$work/log"
    fail "$root: the unit is exposed"
  }
}

deb=$(echo "$dist"/*.deb) rpm=$(echo "$dist"/*.rpm)
mkdir -p "$work/deb/var/lib/dpkg" "$work/rpm"
dpkg --root="$work/deb" --force-script-chrootless --log="$work/dpkg.log" --install "$deb" >"$work/log" 2>&1 || {
  cat "$work/log"
  fail "dpkg --install"
}
tried "$work/deb"
echo 'changed = "by the administrator"' >>"$work/deb/etc/tocsin/runner.toml"
dpkg --root="$work/deb" --force-script-chrootless --log="$work/dpkg.log" --install "$deb" >/dev/null 2>&1 || fail "dpkg --install again"
grep -q 'by the administrator' "$work/deb/etc/tocsin/runner.toml" || fail "an upgrade takes the configuration away"
dpkg --root="$work/deb" --force-script-chrootless --log="$work/dpkg.log" --remove tocsin >/dev/null || fail "dpkg --remove"
[ ! -e "$work/deb/usr/bin/runner" ] && [ -e "$work/deb/etc/tocsin/runner.toml" ] || fail "what a removal leaves"

rpm --root "$work/rpm" --install --nodeps --ignorearch --noscripts "$rpm" 2>/dev/null || fail "rpm --install"
tried "$work/rpm"
rpm --root "$work/rpm" --query --configfiles tocsin | grep -q '^/etc/tocsin/environment$' || fail "the rpm's configuration"
rpm --root "$work/rpm" --erase --noscripts tocsin 2>/dev/null || fail "rpm --erase"
[ ! -e "$work/rpm/usr/bin/runner" ] || fail "what rpm --erase leaves"

# The same sources in another folder give the same binary.
mkdir "$work/elsewhere"
cp -r go.mod go.sum cmd internal rules deploy "$work/elsewhere/"
VERSION=$version "$work/elsewhere/deploy/build.sh" "$work/again"
cmp "$work/again" "$work/archive/runner" || fail "the build is not reproducible"

# For the image's test.
[ -z "${KEEP_RUNNER:-}" ] || cp "$work/archive/runner" "$KEEP_RUNNER"
[ "$failed" = 0 ]
echo "releases of linux/$arch ${platforms[*]}: archives, modules, deb, rpm and unit are as they should be; the build is reproducible"
