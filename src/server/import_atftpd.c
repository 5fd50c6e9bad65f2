/* SPDX-License-Identifier: BSD-2-Clause */
/* atftpd(8), as Debian runs it: `atftpd $OPTIONS`, from a socket unit, inetd or a start script.
 *
 * Uploads: atftpd takes every one that the permissions of files and directories allow its user, and
 * has no switch for that. `none` stays, the safe end, and a comment tells. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "server/import_options.h"
#include "server/import_servers.h"

#define VERBOSE_USUAL 5 /* LOG_NOTICE */

struct atftpd {
    struct import_at address; /* value NULL: not given */
    struct import_at port;
    uint64_t verbose; /* 0 (LOG_EMERG) to 7 (LOG_DEBUG) */
    size_t directories;
};

static void take_port(const struct import_options *run, const struct import_at *at, const char *arg)
{
    struct atftpd *a = run->arg;

    a->port = (struct import_at){at->line, "OPTIONS --port", arg};
}

static void take_address(const struct import_options *run, const struct import_at *at,
                         const char *arg)
{
    struct atftpd *a = run->arg;

    a->address = (struct import_at){at->line, "OPTIONS --bind-address", arg};
}

/* "user" or "user.group". */
static void take_user(const struct import_options *run, const struct import_at *at, const char *arg)
{
    import_user(run->plan, at, strcmp(arg, "nobody.nogroup") == 0 ? "nobody" : arg, "nobody");
}

static void take_group(const struct import_options *run, const struct import_at *at,
                       const char *arg)
{
    if (strcmp(arg, "nogroup") == 0) {
        import_plan_remark(run->plan, at, "wherryd runs with the groups of its user");
    } else {
        import_plan_miss(run->plan, at,
                         "the groups are those of the user: `usermod --append --groups GROUP "
                         "wherry` adds one");
    }
}

static void take_logfile(const struct import_options *run, const struct import_at *at,
                         const char *arg)
{
    if (strcmp(arg, "-") == 0 || strcmp(arg, "/dev/stdout") == 0 ||
        strcmp(arg, "/dev/stderr") == 0) {
        import_plan_carry(run->plan, at, "log", "stderr");
    } else {
        import_plan_miss(run->plan, at,
                         "wherryd writes no file: `journalctl --unit wherryd` shows its log, and "
                         "log = syslog hands it to the system's logger, which can write files");
    }
}

/* The last level wins; without a number it is one more. */
static void take_verbose(const struct import_options *run, const struct import_at *at,
                         const char *arg)
{
    static const char *const levels[] = {"error",   "error", "error", "error",
                                         "warning", "info",  "info",  "debug"};
    struct atftpd *a = run->arg;
    uint64_t level = a->verbose < 7 ? a->verbose + 1 : 7;

    if (arg != NULL && !number_parse(arg, 0, 7, &level)) {
        import_plan_miss(run->plan, at, "a level from 0 to 7 belongs here");
        return;
    }
    a->verbose = level;
    import_plan_carry(run->plan, at, "log-level", levels[level]);
}

#define NO_MULTICAST "there is no multicast in wherryd: every client gets packets of its own"
#define NO_MTFTP "there is no MTFTP in wherryd: have the DHCP server tell clients to use plain TFTP"

static const struct import_option rows[] = {
    {"tftpd-timeout", 't', required_argument, import_option_remark,
     "wherryd does not end when nobody asks"},
    {"retry-timeout", 'r', required_argument, import_option_miss,
     "the time-out follows the measured round trips, and no key sets it: leave it out"},
    {"maxthread", 'm', required_argument, import_option_miss,
     "transfers need no threads, and no key limits their number: leave it out"},
    {"verbose", 'v', optional_argument, take_verbose, NULL},
    {"trace", 0, no_argument, import_option_miss,
     "packets are not logged: `tcpdump -ni any udp` shows them"},
    {"no-timeout", 0, no_argument, import_option_refuse, "timeout"},
    {"no-tsize", 0, no_argument, import_option_refuse, "tsize"},
    {"no-blksize", 0, no_argument, import_option_refuse, "blksize"},
    {"no-windowsize", 0, no_argument, import_option_refuse, "windowsize"},
    {"no-multicast", 0, no_argument, import_option_remark, "wherryd never does"},
    {"logfile", 0, required_argument, take_logfile, NULL},
    {"pidfile", 0, required_argument, import_option_miss,
     "wherryd writes none: `systemctl show --property MainPID wherryd` tells the number"},
    {"listen-local", 0, no_argument, import_option_miss,
     "give the addresses to listen on, listen = {\"tftp://ADDRESS:69\"}"},
    {"daemon", 0, no_argument, import_option_remark, "wherryd always runs by itself"},
    {"no-fork", 0, no_argument, import_option_remark, "wherryd stays in the foreground"},
    {"prevent-sas", 0, no_argument, import_option_remark,
     "wherryd never answers a repeated ACK with DATA"},
    {"user", 0, required_argument, take_user, NULL},
    {"group", 0, required_argument, take_group, NULL},
    {"port", 0, required_argument, take_port, NULL},
    {"bind-address", 0, required_argument, take_address, NULL},
    {"mcast-ttl", 0, required_argument, import_option_miss, NO_MULTICAST},
    {"mcast-addr", 0, required_argument, import_option_miss, NO_MULTICAST},
    {"mcast-port", 0, required_argument, import_option_miss, NO_MULTICAST},
    {"mcast-switch-client", 0, no_argument, import_option_miss, NO_MULTICAST},
    {"pcre", 0, required_argument, import_option_miss,
     "names are not rewritten: make symbolic links within the root for the names that clients ask "
     "for (backslashes and doubled slashes are taken care of)"},
    {"pcre-test", 0, required_argument, import_option_miss,
     "atftpd only tests a file with it: leave it out"},
    {"mtftp", 0, required_argument, import_option_miss, NO_MTFTP},
    {"mtftp-port", 0, required_argument, import_option_miss, NO_MTFTP},
    {"no-source-port-checking", 0, no_argument, import_option_miss,
     "packets from another port than the request's are never taken (RFC 1350): have the load "
     "balancer or NAT keep the port"},
    {"version", 'V', no_argument, import_option_miss,
     "atftpd only prints its version with it: leave it out"},
    {"help", 'h', no_argument, import_option_miss,
     "atftpd only prints a help with it: leave it out"},
};

static void take_directory(const struct import_options *run, const struct import_at *at,
                           const char *word)
{
    struct atftpd *a = run->arg;

    if (a->directories++ > 0) {
        import_plan_miss(run->plan, at,
                         "a second directory: wherryd serves one; bind-mount this one beneath the "
                         "root");
        return;
    }
    import_root(run->plan, at, word);
}

static void import_address(struct import_plan *plan, const struct atftpd *a)
{
    const struct import_at *at = a->address.value != NULL ? &a->address : &a->port;

    if (at->value != NULL) {
        import_listen(plan, at, a->address.value, a->port.value);
    }
}

void import_atftpd(struct import_plan *plan, char *text)
{
    enum { USE_INETD, OPTIONS, COUNT };
    struct import_variable v[COUNT] = {
        [USE_INETD] = {"USE_INETD", NULL, 0}, [OPTIONS] = {"OPTIONS", NULL, 0}};
    struct atftpd a = {.verbose = VERBOSE_USUAL};
    struct import_options run = {.plan = plan,
                                 .rows = rows,
                                 .count = sizeof(rows) / sizeof(rows[0]),
                                 .operand = take_directory,
                                 .arg = &a};
    enum res r = RES_OK;

    if (!import_variables(plan, text, v, COUNT)) {
        return;
    }
    if (v[USE_INETD].value != NULL) {
        const struct import_at at = {v[USE_INETD].line, v[USE_INETD].name, v[USE_INETD].value};

        import_plan_remark(plan, &at, "wherryd is a service of its own");
    }
    if (v[OPTIONS].value != NULL) {
        r = import_options_run(&run, v[OPTIONS].line, v[OPTIONS].name, v[OPTIONS].value);
    }
    if (r != RES_OK) {
        import_plan_broken(plan, 0, wherry_res_text(r), r);
        return;
    }
    import_address(plan, &a);
    if (a.directories == 0) {
        import_plan_remark(plan, NULL,
                           "No directory is named: Debian's atftpd serves /srv/tftp then, "
                           "as wherryd does.");
    }
    import_plan_remark(plan, NULL,
                       "No uploads (write = none). atftpd takes each one that the permissions of "
                       "files and directories allow; write = replace does so too.");
}
