#!/bin/sh
# Install Debian's Chromium for the browser tests where there is none and we may.
# Never fails: tests that could not run say so at the end of the run.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "No Chromium found. The browser tests need one: install it with your package manager."
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "No Chromium found. The browser tests need one: sudo apt-get install chromium"
    exit 0
fi
echo "Installing Debian's Chromium for the browser tests ..."
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } \
    >/dev/null 2>&1 || echo "Chromium could not be installed; try: apt-get install chromium"
exit 0
