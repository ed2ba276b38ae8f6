#!/bin/bash
# schemas.sh: checks the compose file, the action, its workflow and the rendered charts against the schemas of those who define them. HELM names helm;
# without it there are no charts. Python's packages go to VENV.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${VENV:-$work/venv}
[ -x "$venv/bin/check-jsonschema" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check check-jsonschema==0.39.0 kubernetes-validate==1.37.0
}
"$venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose/compose.yaml
"$venv/bin/check-jsonschema" --builtin-schema vendor.github-actions deploy/action/action.yml
"$venv/bin/check-jsonschema" --builtin-schema vendor.github-workflows examples/github/rules.yml
if [ -n "${HELM:-}" ]; then
  values=(--set elasticsearch.existingSecret=key --set-file 'rules.shell\.toml=examples/rules/shell.toml' --kube-version 1.33.0)
  "$HELM" template tocsin deploy/helm/tocsin "${values[@]}" >"$work/plain.yaml"
  "$HELM" template tocsin deploy/helm/tocsin "${values[@]}" --set elasticsearch.authentication=basic,elasticsearch.caConfigMap=ca,networkPolicy.enabled=true \
    --set 'rulesConfigMaps={more},networkPolicy.ingressFrom[0].podSelector.matchLabels.app=prometheus,tolerations[0].key=k,tolerations[0].operator=Exists' >"$work/full.yaml"
  "$venv/bin/kubernetes-validate" --strict -k 1.33 "$work/plain.yaml" "$work/full.yaml"
fi
