#!/bin/bash
# run.sh PORT: an Elasticsearch node in the foreground, on loopback, its data in home-PORT beside this file.
#   ES_FRESH=1           empty the data first           ES_PASSWORD=...      security on, superuser "elastic"
#   ES_HOST=ADDRESS      bind another address           ES_TRANSPORT_PORT=N  instead of PORT+100
#   ES_HOME=DIR          instead of home-PORT           ES_HEAP=1g           heap
#   ES_SETTINGS="k=v;…"  further settings               ES_LOG=WARN          log level (default INFO)
#   ES_JAVA_OPTS=...     further JVM options            JAVA_HOME=DIR        a Java from 17 on, else java on PATH
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=${1:-9200}
[ ! -e "$here/pom.xml" ] || "$here/build.sh" # in the image there is nothing left to build

export ES_HOME=${ES_HOME:-$here/home-$port}
[ -z "${ES_FRESH:-}" ] || rm -rf "${ES_HOME:?}/data"

options=(-Xms"${ES_HEAP:-1g}" -Xmx"${ES_HEAP:-1g}" -XX:+ExitOnOutOfMemoryError -Des.distribution.type=tar
  -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false --enable-native-access=ALL-UNNAMED)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [[ $("$java" -version 2>&1) =~ \"2[3-9] ]]; then
  options+=(--sun-misc-unsafe-memory-access=allow)
fi

# Elasticsearch loads libzstd.so for the codec best_compression; Debian's libzstd1 serves.
for library in /usr/lib/*-linux-gnu/libzstd.so.1; do
  if [ -e "$library" ]; then
    mkdir -p "$ES_HOME/native"
    ln -sf "$library" "$ES_HOME/native/libzstd.so"
    options+=(-Des.nativelibs.path="$ES_HOME/native")
  fi
done

# shellcheck disable=SC2086  # the last is a list of options
exec "$java" "${options[@]}" ${ES_JAVA_OPTS:-} -cp "$here/target/classes:$here/target/lib/*" tocsin.engine.Main "$port"
