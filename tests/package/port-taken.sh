#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# port-taken.sh: wherryd beside tftpd-hpa, which has port 69.
set -eu
tests/package/in-chroot.sh port-taken.sh "$WORK"/packages/wherryd_*.deb
