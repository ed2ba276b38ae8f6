#!/bin/bash
# Starts the node with the variables of Elasticsearch's own image: dotted names are settings, ELASTIC_PASSWORD is the
# superuser's password, ES_JAVA_OPTS are options of the JVM. Without a password security is off; HTTP is always plain.
set -euo pipefail
export ES_HOME=/usr/share/elasticsearch ES_HOST=0.0.0.0 ES_LOG=${ES_LOG:-WARN}
export ES_PASSWORD=${ELASTIC_PASSWORD:-}
while IFS='=' read -r -d '' name value; do
  case $name in
    xpack.security.enabled) [ "$value" != false ] || ES_PASSWORD= ;;
    xpack.security.*ssl.enabled | discovery.type) ;; # as it is anyway
    [a-z]*.*) ES_SETTINGS="${ES_SETTINGS:-};$name=$value" ;;
  esac
done < <(env --null)
export ES_SETTINGS=${ES_SETTINGS:-}
exec /usr/share/elasticsearch/engine/run.sh 9200
