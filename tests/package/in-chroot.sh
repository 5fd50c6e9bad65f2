#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# in-chroot.sh SCRIPT FILE...: runs tests/package/inside/SCRIPT in a Debian of its own, unpacked from $WORK/base.tar, with
# the files in its working directory, as root. An ordinary user needs a range in /etc/subuid for it.
set -eu
script=$1
shift
inside=$(mktemp -d "$WORK/inside.XXXXXX")/check
mkdir "$inside"
chmod 755 "$WORK" "${inside%/*}"
cp "tests/package/inside/$script" "$inside/script"
cp -r "$@" "$inside"
[ "$(id -u)" = 0 ] || unshare --user --map-auto --map-root-user true || {
    echo 'words: skipped: neither root nor allowed to make user namespaces (/etc/subuid)'
    exit 77
}
# shellcheck disable=SC2016 # $1 is mmdebstrap's
mmdebstrap --quiet --variant=custom --skip=update \
    --setup-hook="mmtarfilter '--path-exclude=/dev/*' <'$WORK/base.tar' | tar -x -C \"\$1\"" \
    --customize-hook="copy-in '$inside' /" \
    --customize-hook='chroot "$1" sh -c "cd /check && DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 ./script"' \
    '' /dev/null
