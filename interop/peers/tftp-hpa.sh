# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# tftp-hpa's client: no options. It exits with 0 whatever happened: the bytes are what counts.

peer_why_not() {
    if ! tftp -V 2>/dev/null </dev/null | grep -q tftp-hpa; then
        echo 'no tftp of tftp-hpa here'
    elif ! has_address; then
        echo 'its look-ups fail while only loopback has an address (AI_ADDRCONFIG)'
    fi
}
peer_modes() { echo octet netascii; }
peer_options() { echo none; }
peer_get() { limited tftp -m "$1" 127.0.0.1 "$3" -c get "$4" "$5"; }
peer_put() { limited tftp -m "$1" 127.0.0.1 "$3" -c put "$4" "$5"; }
