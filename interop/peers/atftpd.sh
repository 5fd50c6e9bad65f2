# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# atftpd: blksize, timeout, tsize, windowsize. A thread for each request.

peer_why_not() {
    if [ -z "$(peer_path atftpd atftpd)" ]; then
        echo 'not there: run interop/fetch-peers.sh'
    fi
}
peer_directions() { echo get put; }
peer_modes() { echo octet netascii; }
peer_start() { # root
    start_server env LD_LIBRARY_PATH="$(peer_libraries)" "$(peer_path atftpd atftpd)" --daemon --no-fork --logfile - \
        --bind-address 127.0.0.1 --port PORT --user "$(id -un).$(id -gn)" "$1"
}
