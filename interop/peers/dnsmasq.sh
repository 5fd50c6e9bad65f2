# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # lib.sh and the cases use them
# dnsmasq: reads only; blksize and tsize. It has no key for its TFTP port, so that it and our client
# run in a network namespace of their own, where port 69 is free.

if [ "$(id -u)" = 0 ]; then
    dnsmasq_namespace=(unshare -n)
    dnsmasq_join=(-n)
else
    dnsmasq_namespace=(unshare -rn)
    dnsmasq_join=(-U --preserve-credentials -n)
fi
peer_fixed_port=69

peer_why_not() {
    if [ -z "$(peer_path dnsmasq-base dnsmasq)" ]; then
        echo 'not there: run interop/fetch-peers.sh'
    elif ! "${dnsmasq_namespace[@]}" ip link set lo up 2>/dev/null; then
        echo 'no network namespace of our own here'
    fi
}
peer_directions() { echo get; }
peer_modes() { echo octet netascii; }
peer_start() { # root
    # shellcheck disable=SC2016 # the inner shell expands it
    start_server env LD_LIBRARY_PATH="$(peer_libraries)" "${dnsmasq_namespace[@]}" \
        sh -c 'ip link set lo up && exec "$@"' - "$(peer_path dnsmasq-base dnsmasq)" --no-daemon \
        --conf-file=/dev/null --port=0 --listen-address=127.0.0.1 --bind-interfaces \
        --enable-tftp --tftp-root="$1" --user=root --group=root --pid-file= --log-facility=- &&
        peer_enter=(nsenter -t "$peer_pid" "${dnsmasq_join[@]}")
}
