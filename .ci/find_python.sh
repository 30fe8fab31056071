#!/bin/sh
# Prints a Python of 3.11 or newer that can make virtual environments; $PYTHON, if set, is the only candidate.

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
too_old=
without_venv=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    version=$("$candidate" --version 2>/dev/null) || continue
    if ! "$candidate" -c "$new_enough" 2>/dev/null; then
        too_old=${too_old:-"$candidate is $version"}
    elif ! "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        without_venv=${without_venv:-"$candidate"}
    else
        echo "$candidate"
        exit 0
    fi
done

if [ -n "$without_venv" ]; then
    echo "$without_venv cannot make virtual environments: install its venv module (on Debian: apt install python3-venv)." >&2
else
    echo "FCPTS Playground needs Python 3.11 or newer, but ${too_old:-"${PYTHON:-python3} is not to be found"}:" \
        "install a newer one or name it, as in: make PYTHON=python3.12 app." >&2
fi
exit 1
