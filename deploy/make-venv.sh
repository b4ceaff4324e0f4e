#!/bin/sh
# make-venv.sh FOLDER: a virtual environment, also where Debian's python3 comes without ensurepip (package python3-venv):
# then virtualenv is put beside it with pip --target, which PEP 668 allows.
set -e
folder=$1
python=${PYTHON:-python3}
"$python" - <<'PY' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Leadgate needs Python 3.11 or newer, this is {sys.version.split()[0]}. Try: make PYTHON=python3.11 ...")
PY
if "$python" -c 'import ensurepip' 2>/dev/null; then
  "$python" -m venv "$folder"
else
  "$python" -m pip install --quiet --disable-pip-version-check --target "$folder-bootstrap" virtualenv
  PYTHONPATH="$folder-bootstrap" "$python" -m virtualenv --quiet "$folder"
  rm -rf "$folder-bootstrap"
fi
