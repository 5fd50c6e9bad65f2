#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# piuparts.sh: install, purge and upgrade leave no file behind or changed. It wants root.
set -eu
[ "$(id -u)" = 0 ] || {
    echo 'words: skipped: piuparts wants root'
    exit 77
}
gzip -k -1 "$WORK/base.tar"
piuparts --basetgz "$WORK/base.tar.gz" --distribution bookworm --arch "$(dpkg --print-architecture)" \
    "$WORK"/packages/*.changes
echo 'words: install and purge of every package leave nothing'
