#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# base.sh: a Debian to install into, $WORK/base.tar. It has systemd and adduser: what these leave
# behind is not ours.
set -eu
mmdebstrap --variant=minbase --include=systemd,systemd-sysv,adduser,iproute2 bookworm "$WORK/base.tar"
echo "words: $(du -m "$WORK/base.tar" | cut -f 1) MB with systemd and adduser"
