# make_venv.sh PYTHON VENV: create the virtual environment, or say in one sentence what is missing.
set -eu
if [ -z "$1" ]; then
    echo "No Python 3.11, 3.12 or 3.13 was found: install one (Debian, Ubuntu: apt-get install python3 python3-venv) or run make PYTHON=/path/to/python." >&2
    exit 2
fi
if ! "$1" -m venv --clear "$2"; then
    echo "$1 cannot make virtual environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)." >&2
    exit 2
fi
