# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# tftp-hpa's server: blksize, timeout, tsize; no windowsize. A process for each request.

peer_why_not() {
    if [ -z "$(peer_path tftpd-hpa in.tftpd)" ]; then
        echo 'not there: run interop/fetch-peers.sh'
    elif [ "$(id -u)" != 0 ]; then
        echo 'it sets its groups for each request, which takes root'
    elif ! has_address; then
        echo 'its look-ups fail while only loopback has an address (AI_ADDRCONFIG)'
    fi
}
peer_directions() { echo get put; }
peer_modes() { echo octet netascii; }
peer_start() { # root
    start_server env LD_LIBRARY_PATH="$(peer_libraries)" "$(peer_path tftpd-hpa in.tftpd)" -L -4 \
        --address 127.0.0.1:PORT -c -p -u root -s "$1"
}
