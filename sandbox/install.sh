#!/bin/sh
# install.sh VENV REQUIREMENTS: make the virtual environment and install exactly what the requirements pin.
set -eu
venv=$1
requirements=$2

find_python() {
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            command -v "$name"
            return
        fi
    done
}

install_system_python() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 0
    DEBIAN_FRONTEND=noninteractive apt-get update --quiet </dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3 python3-venv </dev/null
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    if [ -z "$python" ] || ! "$python" -c 'import ensurepip' 2>/dev/null; then
        install_system_python
        python=$(find_python)
    fi
    if [ -z "$python" ]; then
        echo "CleverAI needs Python 3.11 or newer. On Debian and Ubuntu: sudo apt-get install -y python3 python3-venv" >&2
        exit 1
    fi
    if ! "$python" -m venv --clear "$venv"; then
        echo "$python can't make virtual environments. On Debian and Ubuntu: sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
fi

echo "Installing the pinned requirements …"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement "$requirements"
