#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# life.sh: in a Debian of its own: what the package wherryd leaves in its life.
set -eu
failed=0
count=0

expect() { # what, command
    what=$1
    shift
    count=$((count + 1))
    if "$@" >out 2>&1; then
        echo "ok   - $what"
    else
        echo "FAIL - $what"
        cat out
        failed=$((failed + 1))
    fi
}

no() {
    ! "$@"
}

same() { # expected, actual
    [ "$1" = "$2" ] || {
        echo "'$2', not '$1'"
        return 1
    }
}

state() { # of a unit
    systemctl is-enabled "$1" 2>/dev/null || true
}

install_deb() {
    apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold install "$1" </dev/null
}

apt-get -qq update
conf=/etc/wherry/wherryd.conf

echo '--- install'
install_deb ./old.deb
expect '/srv/tftp is made, for root to write' same 'root root 755' "$(stat -c '%U %G %a' /srv/tftp)"
expect 'the user cannot log in' same '/nonexistent:/usr/sbin/nologin' "$(getent passwd wherry | cut -d : -f 6-)"
expect 'the user has a static number' [ "$(id -u wherry)" -lt 1000 ]
expect 'the service is enabled' same enabled "$(state wherryd.service)"
expect 'the socket is not' same disabled "$(state wherryd.socket)"
expect 'the installed configuration is valid' wherryd --check

echo '--- upgrade'
echo 'write = create' >>"$conf"
echo 'upload-max = 1MiB' >/etc/wherry/conf.d/local.conf
echo image >/srv/tftp/image
before=$(id -u wherry)
install_deb ./wherryd_*.deb
expect 'a changed conffile survives' grep -qx 'write = create' "$conf"
expect 'the new one lies beside it' no grep -q 'older version' "$conf.dpkg-dist"
expect 'an unchanged conffile is replaced' no grep -q 'older version' /etc/wherry/conf.d/README
expect 'files of conf.d survive' test -s /etc/wherry/conf.d/local.conf
expect 'files of the root survive' test -s /srv/tftp/image
expect 'the user keeps the number' same "$before" "$(id -u wherry)"
expect 'the service is still enabled' same enabled "$(state wherryd.service)"
wherryd --check >settings
expect 'the configuration is still valid, with conf.d' grep -x 'upload-max = "1MiB"' settings
install_deb ./wherry_*.deb
expect 'the client runs' wherry -V

echo '--- remove'
apt-get -qq -y remove wherryd
expect 'the program is gone' test ! -e /usr/sbin/wherryd
expect 'the configuration stays' grep -qx 'write = create' "$conf"
expect 'files of the root stay' test -s /srv/tftp/image
expect 'the user stays' id wherry

echo '--- install again, when the administrator has another root'
mv /srv/tftp /srv/elsewhere
install_deb ./wherryd_*.deb
expect 'a root that was removed is not made again' test ! -e /srv/tftp
expect 'the changed conffile is used again' grep -qx 'write = create' "$conf"
mv /srv/elsewhere /srv/tftp

echo '--- purge, with files in the root'
apt-get -qq -y purge wherryd
expect 'files of the root survive' test -s /srv/tftp/image
expect 'the configuration is gone' test ! -e "$conf"
expect 'with what dpkg laid beside it' test ! -e "$conf.dpkg-dist"
expect 'the ufw profile is gone' test ! -e /etc/ufw/applications.d/wherryd
expect "the administrator's own files survive" test -s /etc/wherry/conf.d/local.conf
expect 'no unit is left, enabled or masked' same '' \
    "$(find /etc/systemd /var/lib/systemd -name 'wherry*')"
expect 'nothing is left under /var' same '' "$(find /var/lib /var/cache /var/log -name '*wherry*' |
    grep -Ev '^/var/lib/(apt|dpkg/info/wherry\.)|^/var/cache/apt')"

echo '--- install and purge, with an empty root'
rm -r /srv/tftp/image /etc/wherry
install_deb ./wherryd_*.deb
expect 'a root that was there is kept' test -d /srv/tftp
apt-get -qq -y purge wherryd
expect 'an empty root goes' test ! -e /srv/tftp
expect '/etc/wherry goes' test ! -e /etc/wherry

echo '--- install and purge, with a link for a root'
mkdir /srv/images
ln -s images /srv/tftp
install_deb ./wherryd_*.deb
apt-get -qq -y purge wherryd
expect 'the link stays' test -L /srv/tftp

echo "words: $count checks, $failed failed"
[ "$failed" = 0 ]
