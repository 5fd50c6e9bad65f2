#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# boot.sh: boots a Debian with the packages in a container, so that the units run under a real
# systemd: start, status, reload, a port that is taken, the sockets handed over. It wants root.
set -eu
[ "$(id -u)" = 0 ] || {
    echo 'words: skipped: systemd-nspawn wants root'
    exit 77
}
machine=$WORK/machine
# shellcheck disable=SC2016 # $1 is mmdebstrap's
mmdebstrap --quiet --variant=custom --skip=update --format=directory \
    --setup-hook="mmtarfilter '--path-exclude=/dev/*' <'$WORK/base.tar' | tar -x -C \"\$1\"" \
    --customize-hook="copy-in $(echo "$WORK"/packages/wherry*_*.deb) tests/package/inside/boot.sh /root" \
    --customize-hook='chroot "$1" sh -c "apt-get -qq update && cd /root &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install ./wherryd_*.deb ./wherry_*.deb"' \
    '' "$machine"
cat >"$machine/etc/systemd/system/look.service" <<'END_OF_UNIT'
[Unit]
After=wherryd.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/root/boot.sh >/root/result 2>&1; echo $? >/root/code'
ExecStopPost=/bin/systemctl --no-block poweroff
TimeoutStartSec=120
[Install]
WantedBy=multi-user.target
END_OF_UNIT
mkdir -p "$machine/etc/systemd/system/multi-user.target.wants"
ln -s ../look.service "$machine/etc/systemd/system/multi-user.target.wants/look.service"
# The container's own filter knows nothing of Landlock.
timeout --kill-after=5 200 systemd-nspawn --register=no --keep-unit --private-network \
    --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
    --directory="$machine" --boot </dev/null >"$WORK/console" 2>&1 || true
[ -s "$machine/root/code" ] || {
    tail -n 60 "$WORK/console"
    echo 'words: skipped: no systemd can be booted here'
    exit 77
}
cat "$machine/root/result"
exit "$(cat "$machine/root/code")"
