/* SPDX-License-Identifier: BSD-2-Clause */
/* in.tftpd(8), as the start script of Debian's tftpd-hpa runs it:
 *
 *   in.tftpd --listen --user $TFTP_USERNAME --address $TFTP_ADDRESS $TFTP_OPTIONS $TFTP_DIRECTORY
 *
 * so that an option of TFTP_OPTIONS wins over the two variables in front of it.
 *
 * Uploads: without --create, in.tftpd lets clients write over files that exist and that everybody
 * may write (with --permissive: that its user may write), and there is no switch against that.
 * Nothing in wherryd means this: `create` is for new names, `replace` for both. So `none` stays,
 * the safe end, and only --permissive, which somebody chose, is named. With --create new files may
 * be made, and replaced by the next upload, since in.tftpd makes them writable for everybody: that
 * is `replace`. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "server/import_options.h"
#include "server/import_servers.h"

#define ADDRESS_BYTES 400

/* What is known when all options were read. */
struct tftpd_hpa {
    struct import_at address; /* name NULL: not given */
    bool only4;
    bool only6;
    bool create;
    bool secure;
    bool permissive;
    struct import_at user;
    size_t directories;
};

static void take_secure(const struct import_options *run, const struct import_at *at,
                        const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    (void)arg;
    h->secure = true;
    import_plan_remark(run->plan, at, "wherryd always serves names beneath its root");
}

static void take_create(const struct import_options *run, const struct import_at *at,
                        const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    (void)arg;
    h->create = true;
    import_plan_carry(run->plan, at, "write", "replace");
}

static void take_permissive(const struct import_options *run, const struct import_at *at,
                            const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    (void)arg;
    h->permissive = true;
    import_plan_remark(run->plan, at, "wherryd asks for no more than the rights of its user, too");
}

static void take_family(const struct import_options *run, const struct import_at *at,
                        const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    (void)arg;
    h->only4 = h->only4 || run->row->letter == '4';
    h->only6 = h->only6 || run->row->letter == '6';
    import_plan_remark(run->plan, at, "the address that is listened on tells it");
}

static void take_address(const struct import_options *run, const struct import_at *at,
                         const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    h->address = (struct import_at){at->line, "TFTP_OPTIONS --address", arg};
}

static void take_user(const struct import_options *run, const struct import_at *at, const char *arg)
{
    struct tftpd_hpa *h = run->arg;

    h->user = (struct import_at){at->line, "TFTP_OPTIONS --user", arg};
}

static void take_verbosity(const struct import_options *run, const struct import_at *at,
                           const char *arg)
{
    uint64_t verbosity;

    if (number_parse(arg, 0, 0, &verbosity)) {
        import_plan_carry(run->plan, at, "log-level", "warning");
    } else {
        import_plan_remark(run->plan, at, "wherryd logs a line for each request by default");
    }
}

/* --blocksize takes less than the key, which begins at 8. */
static const struct import_option rows[] = {
    {"ipv4", '4', no_argument, take_family, NULL},
    {"ipv6", '6', no_argument, take_family, NULL},
    {"listen", 'l', no_argument, import_option_remark, "wherryd always runs by itself"},
    {"foreground", 'L', no_argument, import_option_remark, "wherryd stays in the foreground"},
    {"address", 'a', required_argument, take_address, NULL},
    {"create", 'c', no_argument, take_create, NULL},
    {"secure", 's', no_argument, take_secure, NULL},
    {"user", 'u', required_argument, take_user, NULL},
    {"umask", 'U', required_argument, import_option_carry, "umask"},
    {"permissive", 'p', no_argument, take_permissive, NULL},
    {"pidfile", 'P', required_argument, import_option_miss,
     "wherryd writes none: `systemctl show --property MainPID wherryd` tells the number"},
    {"timeout", 't', required_argument, import_option_remark,
     "in.tftpd itself ignores it when it listens"},
    {"retransmit", 'T', required_argument, import_option_miss,
     "the time-out follows the measured round trips, and no key sets it: leave it out"},
    {"map-file", 'm', required_argument, import_option_miss,
     "names are not rewritten: make symbolic links within the root for the names that clients ask "
     "for (backslashes and doubled slashes are taken care of)"},
    {"verbose", 'v', no_argument, import_option_remark,
     "wherryd logs a line for each request by default"},
    {"verbosity", 0, required_argument, take_verbosity, NULL},
    {"refuse", 'r', required_argument, import_option_carry, "refuse-options"},
    {"blocksize", 'B', required_argument, import_option_carry, "blksize-max"},
    {"port-range", 'R', required_argument, import_option_miss,
     "no key limits the ports of transfers: let a firewall follow them (nf_conntrack_tftp), or set "
     "the range of the machine (sysctl net.ipv4.ip_local_port_range)"},
    {"version", 'V', no_argument, import_option_miss,
     "in.tftpd only prints its version with it: leave it out"},
};

static void take_directory(const struct import_options *run, const struct import_at *at,
                           const char *word)
{
    struct tftpd_hpa *h = run->arg;

    if (h->directories++ > 0) {
        import_plan_miss(run->plan, at,
                         "a second directory: wherryd serves one; bind-mount this one beneath the "
                         "root, or run a second wherryd on another address");
        return;
    }
    import_root(run->plan, at, word);
    if (!h->secure) {
        import_plan_miss(
            run->plan, at,
            "without --secure clients ask for absolute paths, and wherryd looks all names up "
            "beneath the root: change the names that clients ask for, or make the old "
            "ones resolve there with directories and a symbolic link");
    }
}

/* "[address][:port]": both are cut out of the text. */
static bool split_address(char *text, char **ret_address, char **ret_port)
{
    char *colon = strrchr(text, ':');
    char *bracket = strrchr(text, ']');

    *ret_address = text;
    *ret_port = NULL;
    if (colon != NULL && (bracket == NULL || bracket < colon)) {
        *colon = '\0';
        *ret_port = colon + 1;
    }
    return bracket != NULL || strchr(text, ':') == NULL;
}

static void import_address(struct import_plan *plan, const struct tftpd_hpa *h)
{
    const struct import_at *at = &h->address;
    char text[ADDRESS_BYTES];
    char *address;
    char *port;

    if (at->value == NULL) {
        return;
    }
    if (strlen(at->value) >= sizeof(text)) {
        import_plan_miss(plan, at, "longer than any address: look for a typing error");
        return;
    }
    memcpy(text, at->value, strlen(at->value) + 1);
    if (!split_address(text, &address, &port)) {
        import_plan_miss(plan, at, "an IPv6 address belongs in brackets: [ADDRESS]:PORT");
        return;
    }
    if (h->only6 && address[0] == '\0') {
        import_plan_miss(plan, at,
                         "--ipv6: [::] takes IPv4 too: give the IPv6 addresses of this machine, "
                         "listen = {\"tftp://[ADDRESS]:PORT\"}");
        return;
    }
    if (h->only4 && address[0] == '[') {
        import_plan_miss(plan, at, "--ipv4 forbids this address: give one of IPv4");
        return;
    }
    if (h->only4 && address[0] == '\0') {
        static char any4[] = "0.0.0.0";

        address = any4;
    }
    import_listen(plan, at, address, port);
}

static void finish(struct import_plan *plan, const struct tftpd_hpa *h, unsigned line)
{
    const struct import_at directory = {line, "TFTP_DIRECTORY", NULL};
    const struct import_at permissive = {line, "TFTP_OPTIONS --permissive", NULL};

    import_address(plan, h);
    if (h->user.value != NULL) {
        import_user(plan, &h->user, h->user.value, "tftp");
    }
    if (h->directories == 0) {
        import_plan_miss(
            plan, &directory,
            "none is given, and in.tftpd serves every file of the machine then: choose "
            "one, root = \"/srv/tftp\"");
    }
    if (h->create) {
        import_plan_remark(plan, NULL,
                           "Uploads get upload-mode (0640) less umask; in.tftpd makes them 0666 "
                           "less its umask.");
    } else if (h->permissive) {
        import_plan_miss(
            plan, &permissive,
            "without --create clients may write over what the user may write, but make "
            "nothing new: write = replace lets them do both, and none is kept");
    } else {
        import_plan_remark(plan, NULL,
                           "No uploads (write = none). in.tftpd lets clients write over files that "
                           "everybody may write; write = replace allows that, and new files too.");
    }
}

void import_tftpd_hpa(struct import_plan *plan, char *text)
{
    enum { USERNAME, DIRECTORY, ADDRESS, OPTIONS, COUNT };
    struct import_variable v[COUNT] = {[USERNAME] = {"TFTP_USERNAME", NULL, 0},
                                       [DIRECTORY] = {"TFTP_DIRECTORY", NULL, 0},
                                       [ADDRESS] = {"TFTP_ADDRESS", NULL, 0},
                                       [OPTIONS] = {"TFTP_OPTIONS", NULL, 0}};
    struct tftpd_hpa h = {.secure = false};
    struct import_options run = {.plan = plan,
                                 .rows = rows,
                                 .count = sizeof(rows) / sizeof(rows[0]),
                                 .operand = take_directory,
                                 .arg = &h};
    enum res r = RES_OK;

    if (!import_variables(plan, text, v, COUNT)) {
        return;
    }
    h.user = (struct import_at){v[USERNAME].line, v[USERNAME].name, v[USERNAME].value};
    h.address = (struct import_at){v[ADDRESS].line, v[ADDRESS].name, v[ADDRESS].value};
    if (v[OPTIONS].value != NULL) {
        r = import_options_run(&run, v[OPTIONS].line, v[OPTIONS].name, v[OPTIONS].value);
    }
    if (r == RES_OK && v[DIRECTORY].value != NULL) {
        run.count = 0; /* directories only: what begins with - would be an option there */
        r = import_options_run(&run, v[DIRECTORY].line, v[DIRECTORY].name, v[DIRECTORY].value);
    }
    if (r != RES_OK) {
        import_plan_broken(plan, 0, wherry_res_text(r), r);
        return;
    }
    finish(plan, &h, v[OPTIONS].value != NULL ? v[OPTIONS].line : 1);
}
