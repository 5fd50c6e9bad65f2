# SPDX-License-Identifier: BSD-2-Clause
# report.awk: rows.tsv, runs.tsv and memory.tsv of run.sh to tables in Markdown. With -v plot=FILE
# also the columns that results.gp draws.

function median(row, server, column,    n, i) {
    n = sorted(row, server, column)
    return n == 0 ? "" : list[int((n + 1) / 2)]
}

# The values of all rounds, in list[1...n].
function sorted(row, server, column,    n, round, i, v) {
    n = 0
    for (round = 1; round <= rounds; round++) {
        if (!((row, server, round, column) in run) || run[row, server, round, column] == "-") {
            continue
        }
        v = run[row, server, round, column] + 0
        for (i = n++; i > 0 && list[i] > v; i--) {
            list[i + 1] = list[i]
        }
        list[i + 1] = v
    }
    return n
}

function spread(row, server, column, format, of,    n, m) {
    n = sorted(row, server, column)
    if (n == 0) {
        return "not counted"
    }
    m = sprintf(format, list[int((n + 1) / 2)])
    if (n > 1) {
        m = m " (" sprintf(format, list[1]) "-" sprintf(format, list[n]) ")"
    }
    return m " " of
}

# Round by round, ours to theirs: the median.
function paired(row, ours, theirs, column,    n, round, i, v) {
    n = 0
    for (round = 1; round <= rounds; round++) {
        if (!((row, ours, round, column) in run) || !((row, theirs, round, column) in run) ||
            run[row, theirs, round, column] + 0 == 0 || run[row, ours, round, column] == "-") {
            continue
        }
        v = run[row, ours, round, column] / run[row, theirs, round, column]
        for (i = n++; i > 0 && list[i] > v; i--) {
            list[i + 1] = list[i]
        }
        list[i + 1] = v
    }
    return n == 0 ? "" : list[int((n + 1) / 2)]
}

function is_ours(server) {
    return server ~ /^wherryd/
}

# The peer whose median is best, of those that never failed and ran in most rounds; "" if there is
# none.
function best_peer(row, column, highest,    i, server, m, best, found) {
    found = ""
    for (i = 1; i <= servers; i++) {
        server = name_of[i]
        if (is_ours(server) || server ~ /^raw:/ || failures(row, server) > 0) {
            continue
        }
        if (sorted(row, server, column) * 2 < rounds) {
            continue
        }
        m = median(row, server, column)
        if (m != "" && (found == "" || (highest ? m > best : m < best))) {
            best = m
            found = server
        }
    }
    return found
}

function failures(row, server,    round, n) {
    n = 0
    for (round = 1; round <= rounds; round++) {
        n += run[row, server, round, "failures"]
    }
    return n
}

function again(row, server,    round, n) {
    n = 0
    for (round = 1; round <= rounds; round++) {
        n += run[row, server, round, "again"]
    }
    return n
}

function judged(ratio, goal, at_least) {
    if (ratio == "") {
        return "-"
    }
    if (goal == "-") {
        return sprintf("%.2f", ratio)
    }
    return sprintf("%.2f (%s %s: %s)", ratio, at_least ? "at least" : "at most", goal,
        (at_least ? ratio >= goal : ratio <= goal) ? "reached" : "**missed**")
}

FILENAME ~ /rows\.tsv$/ {
    split($0, f, "\t")
    row_of[++rows] = f[1]
    title[f[1]] = f[2]
    unit[f[1]] = f[3]
    split(f[4], goal, ":")
    goal_speed[f[1]] = goal[1]
    goal_cpu[f[1]] = goal[2]
    split(f[5], raw, " ")
    raw_kind[f[1]] = raw[1]
    raw_goal[f[1]] = raw[2]
    next
}

FILENAME ~ /memory\.tsv$/ {
    split($0, f, "\t")
    memory = memory sprintf("| %s | %d | %.1f MiB | %.2f KiB |\n", f[1], f[2], f[3] / 1024, f[4])
    next
}

{
    split($0, f, "\t")
    if (!(f[2] in seen)) {
        seen[f[2]] = 1
        name_of[++servers] = f[2]
    }
    run[f[1], f[2], f[3], "speed"] = f[4]
    run[f[1], f[2], f[3], "cpu"] = f[5]
    run[f[1], f[2], f[3], "load"] = f[6]
    run[f[1], f[2], f[3], "p50"] = f[7]
    run[f[1], f[2], f[3], "p99"] = f[8]
    run[f[1], f[2], f[3], "failures"] = f[9]
    run[f[1], f[2], f[3], "again"] = f[10]
}

function summary(row,    i, server, fast, frugal, kind, limit) {
    fast = best_peer(row, "speed", unit[row] != "s")
    frugal = best_peer(row, "cpu", 0)
    kind = "raw:" raw_kind[row]
    for (i = 1; i <= servers; i++) {
        server = name_of[i]
        if (!is_ours(server) || median(row, server, "speed") == "") {
            continue
        }
        limit = raw_kind[row] == "" ? "-" : \
            judged(paired(row, server, kind, "speed"), raw_goal[row], 1) " of " raw_kind[row]
        printf "| %s | %s | %s | %s | %s | %s |\n", title[row], server,
            fast == "" ? "no peer" : \
                judged(paired(row, server, fast, "speed"), goal_speed[row], unit[row] != "s") \
                ", " fast,
            frugal == "" || goal_cpu[row] == "-" ? "-" : \
                judged(paired(row, server, frugal, "cpu"), goal_cpu[row], 0) ", " frugal,
            limit, failures(row, server) == 0 && again(row, server) == 0 ? "none" : \
                failures(row, server) " failed, " again(row, server) " asked again"
    }
}

function details(row,    i, server) {
    for (i = 1; i <= servers; i++) {
        server = name_of[i]
        if (median(row, server, "speed") == "") {
            continue
        }
        printf "| %s | %s | %s | %s | %s %% | %s | %s | %d | %d |\n", title[row], server,
            spread(row, server, "speed", unit[row] == "s" ? "%.2f" : "%.0f", unit[row]),
            unit[row] == "/s" ? spread(row, server, "cpu", "%.1f", "us each") : \
                spread(row, server, "cpu", "%.2f", "s/GB"),
            median(row, server, "load"), median(row, server, "p50"), median(row, server, "p99"),
            failures(row, server), again(row, server)
    }
}

function cell(row, server, column,    m) {
    m = failures(row, server) > 0 ? "" : median(row, server, column)
    return m == "" ? 0 : m
}

END {
    print "| work | server | speed, to the fastest peer | CPU, to the most frugal peer | of the raw rate | failures, requests lost |"
    print "|---|---|---|---|---|---|"
    for (r = 1; r <= rows; r++) {
        summary(row_of[r])
    }
    print "\n## Every server\n"
    print "CPU is the server's, for each GB or each transfer; the load generator's is its share of one"
    print "processor. p50 and p99 are of the time that a transfer takes. Failures and requests that had to"
    print "be sent again are those of all rounds. `raw:` is the kernel alone, CPU of the sending side."
    print ""
    print "| work | server | speed | CPU | load generator | p50 ms | p99 ms | failures | asked again |"
    print "|---|---|---|---|---|---|---|---|---|"
    for (r = 1; r <= rows; r++) {
        details(row_of[r])
    }
    if (memory != "") {
        print "\n## Memory in flight\n"
        print "PSS of all the server's processes while so many reads stand at their first block, and what each"
        print "more costs (beside 10).\n"
        print "| server | transfers | PSS | each more |"
        print "|---|---|---|---|"
        printf "%s", memory
    }
    if (plot != "") {
        for (r = 1; r <= rows; r++) {
            row = row_of[r]
            if (unit[row] == "MB/s") {
                printf "%s", row >plot
                for (i = split("wherryd dnsmasq atftpd in.tftpd", drawn, " "); i > 0; i--) {
                    m[i] = cell(row, drawn[i], "speed") "\t" cell(row, drawn[i], "cpu")
                }
                printf "\t%s\t%s\t%s\t%s\n", m[1], m[2], m[3], m[4] >plot
            }
        }
    }
}
