#!/bin/bash
# build-image.sh IMAGE: the node as an image, where the image of these very sources is not there yet. It is made from the
# files of this machine's Debian packages and from node/target; nothing is pulled.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
image=$1
jre=openjdk-17-jre-headless
java_home=/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)

# Of everything that goes into the image but the packages; an image says in a label what it was made from.
sources() {
  (cd "$here/.." && find container/{build-image.sh,Dockerfile,entry.sh} node/{pom.xml,run.sh,src} -type f -print0 | sort -z | xargs -0 sha256sum) |
    sha256sum | cut -c 1-16
}

# The packages that a small Java system consists of, with all that they depend on.
packages() {
  apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    base-files bash coreutils dash libc-bin libzstd1 "$jre" |
    sed -n 's/^\([a-z0-9][^:]*\).*/\1/p' | sort -u |
    while IFS= read -r package; do # less the virtual ones
      if dpkg-query --listfiles "$package" >/dev/null 2>&1; then
        echo "$package"
      fi
    done
}

# The files of the packages read from stdin, relative to the root and under their real directories (/lib is a link).
files() {
  xargs dpkg-query --listfiles |
    grep -v -E '^/usr/share/(man|doc|locale|info|lintian|bug)/' |
    sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' |
    while IFS= read -r file; do
      if [ -e "$file" ] || [ -L "$file" ]; then
        echo "${file#/}"
      fi
    done
  printf '%s\n' bin sbin lib lib64 etc/ld.so.cache
}

wanted=$(sources)
made_from=$(docker image inspect --format '{{index .Config.Labels "tocsin.sources"}}' "$image" 2>/dev/null || true)
if [ "$made_from" = "$wanted" ]; then
  echo "$image is up to date"
  exit 0
fi

"$here/../node/build.sh"
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
packages | files | grep -v '^\.\?$' | sort -u >"$context/files"
tar --create --file "$context/base.tar" --directory / --no-recursion --numeric-owner --files-from "$context/files"
mkdir -p "$context/node/target"
cp "$here/../node/run.sh" "$context/node/"
cp -r "$here/../node/target/classes" "$here/../node/target/lib" "$context/node/target/"
cp "$here/entry.sh" "$here/Dockerfile" "$context/"

# The classic builder: it needs no plug-in of the client. It says so on stderr each time.
DOCKER_BUILDKIT=0 docker build --quiet --tag "$image" --label "tocsin.sources=$wanted" \
  --build-arg JAVA_HOME="$java_home" "$context" >"$context/log" 2>&1 || {
  cat "$context/log" >&2
  exit 1
}
docker run --rm --network none --entrypoint java "$image" -version >"$context/log" 2>&1 || {
  cat "$context/log" >&2
  exit 1
}
docker image prune --force --filter label=tocsin.sources >/dev/null # the one it replaces
echo "$image built, $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
