#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# boot.sh: within the Debian that was booted.
set -eu
failed=0
count=0

expect() { # what, command
    what=$1
    shift
    count=$((count + 1))
    if "$@" >/root/out 2>&1; then
        echo "ok   - $what"
    else
        echo "FAIL - $what"
        cat /root/out
        journalctl --no-pager -n 15 -u wherryd
        failed=$((failed + 1))
    fi
}

property() { # of wherryd.service
    systemctl show --value -p "$1" wherryd.service
}

gets() {
    wherry get --timeout 10s tftp://127.0.0.1/image /root/copy && cmp /srv/tftp/image /root/copy
}

status_is_told() {
    property StatusText | grep -E '^[0-9]+ running, [0-9]+ done'
}

# The service is tried a few times, and then no more.
gives_up() {
    systemctl start wherryd.service && return 1
    timeout 90 journalctl -f -n 100 -u wherryd | grep -m 1 'Start request repeated too quickly'
    [ "$(property ActiveState)" = failed ]
}

says_why() {
    journalctl --no-pager -u wherryd | grep 'port 69' | grep 'in use'
}

# At most the one for ports below 1024, and none that another program would inherit.
holds_little() {
    sed -n 's/^Cap\(Prm\|Eff\|Amb\):.//p' "/proc/$(property MainPID)/status" |
        paste -s -d ' ' | grep -x '0000000000000400 0000000000000400 0000000000000000'
}

head -c 100000 /dev/urandom >/srv/tftp/image
chmod 644 /srv/tftp/image
expect 'the service was started at boot' systemctl is-active wherryd.service
expect 'a file is served' gets
expect 'the status is told' status_is_told
expect 'it holds no capability but the one for its port' holds_little
expect 'it reloads' systemctl reload wherryd.service
expect 'it serves after that' gets
expect 'it stops' systemctl stop wherryd.service

systemd-run --quiet --unit=other --service-type=notify -p NotifyAccess=main \
    /usr/sbin/wherryd --config /dev/null --listen 'tftp://[::]:69'
expect 'with port 69 taken it gives up' gives_up
expect 'and says why' says_why
echo "restarts: $(property NRestarts)"
systemctl stop other.service
systemctl reset-failed wherryd.service

mkdir -p /etc/systemd/system/wherryd.service.d
cp /usr/share/doc/wherryd/examples/wherryd.service.d/socket.conf /etc/systemd/system/wherryd.service.d
systemctl daemon-reload
expect 'the socket starts' systemctl start wherryd.socket
expect 'a request starts the service' gets
expect 'which runs without capabilities' grep -x 'CapPrm:.0000000000000000' "/proc/$(property MainPID)/status"

echo "words: $count checks under systemd, $failed failed"
[ "$failed" = 0 ]
