#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# port-taken.sh: in a Debian of its own and without a network: both packages install, in either
# order; wherryd says that the port is taken, and its unit does not try for ever. No systemd runs
# here, so of the unit its command is run by hand, and its limits are read; boot.sh runs it.
set -eu

unit=/lib/systemd/system/wherryd.service
setting() { # name: the last one counts
    sed -n "s/^$1=//p" "$unit" | tail -n 1
}

if [ "${1:-}" = alone ]; then
    ip link set lo up
    in.tftpd --listen --user tftp --address :69 --secure /srv/tftp
    code=0
    command=$(setting ExecStart | sed 's/^[-!+:@]*//; s/ *\$WHERRYD_OPTS//')
    $command 2>log || code=$?
    cat log
    [ "$code" = 1 ] || {
        echo "wherryd ended with $code"
        exit 1
    }
    grep -F 'port 69' log | grep -q 'in use'
    exit 0
fi

apt-get -qq update
apt-get -qq -y --no-install-recommends install tftpd-hpa
apt-get -qq -y --no-install-recommends install ./wherryd_*.deb
# With the script ends its process namespace, and with that in.tftpd.
unshare --net --pid --fork --kill-child "$0" alone
echo 'ok   - both are installed, and wherryd says that port 69 is in use'
apt-get -qq -y purge wherryd
[ -d /srv/tftp ] || mkdir /srv/tftp
echo image >/srv/tftp/image # else tftpd-hpa would remove the directory
apt-get -qq -y --no-install-recommends install ./wherryd_*.deb
apt-get -qq -y purge tftpd-hpa
wherryd --check
echo 'ok   - tftpd-hpa goes, wherryd stays'

systemd-analyze verify --man=no "$unit"
seconds() { # setting, in seconds
    setting "$1" | sed 's/s$//'
}
tries=$(setting StartLimitBurst)
needed=$((tries * $(seconds RestartSec)))
echo "$(setting Restart), every $(seconds RestartSec) s, at most $tries times in $(seconds StartLimitIntervalSec) s"
[ "$needed" -lt "$(seconds StartLimitIntervalSec)" ] || {
    echo 'the limit of tries is never reached: it would try for ever'
    exit 1
}
echo "words: exit 1 that names the port; the unit gives up after $tries tries in $needed s"
