#!/bin/sh
# Install a tool of Debian's that some tests need, where it is missing and we may.
#   install.sh WHAT PACKAGES COMMAND...   each COMMAND a name, or several that do the same: a,b
# Never fails: tests that could not run say so at the end of the run.
what=$1 packages=$2
shift 2

found() {
    for name in $(echo "$1" | tr , ' '); do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

for each in "$@"; do
    found "$each" || missing="$missing $each"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$missing. The $what need it: install it with your package manager."
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "Missing:$missing. The $what need it: sudo apt-get install $packages"
    exit 0
fi
echo "Installing Debian's $packages for the $what ..."
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the packages are several words
{ apt-get update && apt-get install --yes --no-install-recommends $packages; } \
    >/dev/null 2>&1 || echo "They could not be installed; try: apt-get install $packages"
exit 0
