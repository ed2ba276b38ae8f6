#!/bin/bash
# release.sh [OS/ARCH...]: release builds in dist/, of all platforms or of those named: an archive of each, packages for Debian
# and Red Hat for Linux, what each binary is made of (CycloneDX), and SHA256SUMS. VERSION is required, such as 1.2.3. Twice from
# the same commit gives the same files.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VERSION:?the version of the release, such as 1.2.3}"
if ! [[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "VERSION=$VERSION is not a version such as 1.2.3 or 1.2.3-rc.1" >&2
  exit 2
fi
platforms=("$@")
[ $# -gt 0 ] || platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64)
dist=${DIST:-dist}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
rm -rf "$dist"
mkdir -p "$dist"

# The time of all files in archives and packages: that of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export VERSION SOURCE_DATE_EPOCH

sbom_tool=$(go tool -n -modfile=tools/release/go.mod cyclonedx-gomod)
packager=$(go tool -n -modfile=tools/release/go.mod nfpm)

# quietly COMMAND...: shows what a command prints only when it fails.
quietly() {
  "$@" >"$stage/log" 2>&1 || {
    cat "$stage/log" >&2
    return 1
  }
}

# archive FILE: of all files below the working directory.
archive() {
  case $1 in
    *.zip) find . -type f -print | sort | TZ=UTC zip --quiet -X "$1" -@ ;;
    *) tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" . | gzip --no-name --best >"$1" ;;
  esac
}

GOOS= GOARCH= deploy/build.sh "$stage/native"
mkdir "$stage/man1" "$stage/completion"
"$stage/native" man "$stage/man1" >/dev/null
"$stage/native" completion bash >"$stage/completion/runner"
"$stage/native" completion zsh >"$stage/completion/_runner"
"$stage/native" completion fish >"$stage/completion/runner.fish"

for platform in "${platforms[@]}"; do
  export GOOS=${platform%/*} GOARCH=${platform#*/}
  name=tocsin_${VERSION}_${GOOS}_$GOARCH
  export STAGE=$stage/$name
  mkdir -p "$STAGE/archive"
  binary=runner kind=tar.gz
  if [ "$GOOS" = windows ]; then
    binary=runner.exe kind=zip
  fi
  deploy/build.sh "$STAGE/$binary"
  quietly "$sbom_tool" bin -json -std -noserial -notimestamp -version "v$VERSION" -output "$STAGE/sbom.cdx.json" "$STAGE/$binary"
  cp "$STAGE/sbom.cdx.json" "$dist/$name.cdx.json"
  cp -r "$STAGE/$binary" LICENSE README.md CHANGELOG.md docs "$STAGE/archive/"
  cp -r "$stage/man1" "$stage/completion" deploy/systemd deploy/packages "$STAGE/"
  find "$STAGE" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
  out=$(realpath "$dist")/$name.$kind
  (cd "$STAGE/archive" && archive "$out")
  if [ "$GOOS" = linux ]; then
    for kind in deb rpm; do
      quietly "$packager" package --packager "$kind" --config deploy/packages/nfpm.yaml --target "$dist"
    done
  fi
  rm -rf "$STAGE"
done
(cd "$dist" && sha256sum -- * >"$stage/SHA256SUMS" && mv "$stage/SHA256SUMS" .)
