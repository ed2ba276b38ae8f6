#!/bin/bash
# run.sh: runs the example with the image TOCSIN_IMAGE, in a virtual environment below the working directory or VENV.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-.venv}
[ -x "$venv/bin/pytest" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
}
exec "$venv/bin/pytest" -p no:cacheprovider -q "$here"
