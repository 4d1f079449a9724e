#!/bin/sh
# Print a folder for temporary files: one in memory if 6 GiB are free there, else the usual one.
# SQLite waits for the disk after each page, so tests with campaign files are much slower on a disk.
memory=/dev/shm
free=$(df -Pk "$memory" 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ -w "$memory" ] && [ "${free:-0}" -gt 6291456 ]; then
  echo "$memory"
else
  echo "${TMPDIR:-/tmp}"
fi
