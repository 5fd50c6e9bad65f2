# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # $work, $peers, $wherryd, $load: run.sh's
# servers.sh: the servers that are measured, each started fresh in a control group of its own, which
# counts the processor time of all its processes, also of those that ended and that nobody waited
# for (in.tftpd's). Without the right to make one, what /proc says of the first process is taken.
# shellcheck source=interop/lib.sh
. interop/lib.sh

group=
for place in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    if [ -f "$place/cgroup.procs" ] && [ -f "$place/cgroup.controllers" ] &&
        mkdir "$place/wherry-bench.$$" 2>/dev/null; then
        group=$place/wherry-bench.$$
        break
    fi
done

server_why_not() { # name: prints why it cannot run here, or nothing
    case $1 in
    wherryd*) ;;
    atftpd) [ -n "$(peer_path atftpd atftpd)" ] || echo 'not there' ;;
    in.tftpd)
        if [ -z "$(peer_path tftpd-hpa in.tftpd)" ]; then
            echo 'not there'
        elif [ "$(id -u)" != 0 ]; then
            echo 'it sets its groups for each request, which takes root'
        elif ! has_address; then
            echo 'its look-ups fail while only loopback has an address'
        fi
        ;;
    dnsmasq)
        if [ -z "$(peer_path dnsmasq-base dnsmasq)" ]; then
            echo 'not there'
        elif ! unshare "${namespace[@]}" ip link set lo up 2>/dev/null; then
            echo 'no network namespace of our own here'
        fi
        ;;
    esac
}

if [ "$(id -u)" = 0 ]; then
    namespace=(-n)
    join=(-n)
else
    namespace=(-rn)
    join=(-U --preserve-credentials -n)
fi

# Runs a server's command inside the group.
grouped() {
    if [ -n "$group" ]; then
        # shellcheck disable=SC2016 # the inner shell expands it
        start_server sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
    else
        start_server "$@"
    fi
}

# Sets peer_pid, peer_port, and enter: words that a client of this server is run through. wherryd-1
# has one worker, wherryd-1-own and wherryd-1-shared that kind of ports for transfers. Every one logs what it logs by default, and is allowed as many transfers as are asked.
server_start() { # name, directory
    local user
    user=$(id -un)
    enter=()
    peer_fixed_port=
    case $1 in
    wherryd*)
        local more=()
        [ "$1" = wherryd ] || more=(--workers "$(cut -d- -f2 <<<"$1")")
        [[ $1 != wherryd-*-* ]] || more+=(--transfer-ports "${1##*-}")
        grouped "$wherryd" --root "$2" --listen tftp://127.0.0.1:PORT --user "$user" \
            --write replace "${more[@]}"
        ;;
    in.tftpd)
        grouped env LD_LIBRARY_PATH="$(peer_libraries)" "$(peer_path tftpd-hpa in.tftpd)" -L -4 \
            --address 127.0.0.1:PORT -c -p -u "$user" -s "$2"
        ;;
    atftpd)
        grouped env LD_LIBRARY_PATH="$(peer_libraries)" "$(peer_path atftpd atftpd)" --daemon \
            --no-fork --maxthread 20000 --logfile - --bind-address 127.0.0.1 --port PORT \
            --user "$user.$(id -gn)" "$2"
        ;;
    dnsmasq) # knows port 69 only
        peer_fixed_port=69
        # shellcheck disable=SC2016 # the inner shell expands it
        grouped env LD_LIBRARY_PATH="$(peer_libraries)" unshare "${namespace[@]}" \
            sh -c 'ip link set lo up && exec "$@"' - "$(peer_path dnsmasq-base dnsmasq)" \
            --no-daemon --conf-file=/dev/null --port=0 --listen-address=127.0.0.1 \
            --bind-interfaces --enable-tftp --tftp-root="$2" --tftp-max=20000 --user=root \
            --group=root --pid-file= --log-facility=- &&
            enter=(nsenter -t "$peer_pid" "${join[@]}")
        ;;
    esac || {
        echo "bench: $1 does not start:" >&2
        tail -n 5 "$work/peer.log" >&2
        return 1
    }
}

server_pids() {
    if [ -n "$group" ]; then
        cat "$group/cgroup.procs"
    else
        echo "$peer_pid"
    fi
}

# All threads it has, and whatever it will start.
server_pin() { # processor
    local pid
    for pid in $(server_pids); do
        taskset -a -c -p "$1" "$pid" >/dev/null
    done
}

# At once: what is measured is over, and what is held in flight need not be drained.
server_stop() {
    if [ -n "$group" ] && [ -w "$group/cgroup.kill" ]; then
        echo 1 >"$group/cgroup.kill"
    else
        kill -9 "$peer_pid" 2>/dev/null || true
    fi
    wait "$peer_pid" 2>/dev/null || true
    [ -z "$group" ] || wait_until group_empty
}

group_empty() {
    [ -z "$(cat "$group/cgroup.procs")" ]
}

# Seconds so far, of all processes that the group had; "-": nobody counted them.
server_cpu() { # name
    if [ -n "$group" ]; then
        awk '$1 == "usage_usec" { printf "%.6f", $2 / 1e6 }' "$group/cpu.stat"
    elif [ "$1" = in.tftpd ]; then
        echo -
    else
        awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' \
            "/proc/$peer_pid/stat"
    fi
}

# KiB of memory, what is shared divided among those who share it.
server_pss() {
    local pid
    for pid in $(server_pids); do
        cat "/proc/$pid/smaps_rollup" 2>/dev/null || true
    done | awk '$1 == "Pss:" { kib += $2 } END { print kib + 0 }'
}

servers_end() {
    if [ -n "$group" ]; then
        if [ -w "$group/cgroup.kill" ]; then
            echo 1 >"$group/cgroup.kill"
            wait_until group_empty || true
        fi
        rmdir "$group" 2>/dev/null || true
    fi
}
