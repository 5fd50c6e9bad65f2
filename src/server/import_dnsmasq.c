/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsmasq(8): its TFTP server's settings, out of those of its DNS and DHCP servers.
 *
 * A line is a long option without its dashes: `name`, or `name=value,value`. `#` begins a comment
 * at the begin of a word; between double quotes commas and # are ordinary, and \\ \" \t \n \r \b \e
 * are understood. Names of interfaces cannot be carried over, since wherryd listens on addresses;
 * they are named, so that nobody serves more networks than before without knowing. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "server/import_servers.h"

/* What the MTU carries besides a block, with IPv4: 20 bytes of IP, 8 of UDP, 4 of TFTP. */
#define OVERHEAD 32

/* One line. The values stand one behind the other, each with a NUL. */
struct setting {
    struct import_at at; /* its value is the first one */
    size_t count;
};

struct dnsmasq {
    struct import_plan *plan;
    bool enabled;
    bool by_interface; /* enable-tftp says where, and nothing else does */
    bool root;
    unsigned others; /* settings that are not TFTP's */
};

/* A setting that concerns TFTP. */
struct row {
    const char *name;
    void (*take)(struct dnsmasq *d, const struct row *row, const struct setting *s);
    const char *say; /* for take */
};

static void take_miss(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    import_plan_miss(d->plan, &s->at, "%s", row->say);
}

static void take_enable(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    if (s->count > 0) {
        import_plan_miss(d->plan, &s->at, "%s", row->say);
    } else {
        import_plan_remark(d->plan, &s->at, "serving TFTP is all that wherryd does");
    }
}

/* With a second value it is the root of one interface. */
static void take_root(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    if (s->count == 0) {
        import_plan_miss(d->plan, &s->at, "it needs a directory");
    } else if (s->count > 1) {
        import_plan_miss(d->plan, &s->at, "%s", row->say);
    } else {
        d->root = true;
        import_root(d->plan, &s->at, s->at.value);
    }
}

/* Interfaces count for TFTP too, unless enable-tftp has its own. */
static void take_where(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    if (d->enabled && !d->by_interface) {
        import_plan_miss(d->plan, &s->at, "%s", row->say);
    }
}

static void take_address(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    struct import_at at = s->at;

    (void)row;
    for (size_t i = 0; d->enabled && !d->by_interface && i < s->count; i++) {
        import_listen(d->plan, &at, at.value, NULL);
        at.value += strlen(at.value) + 1;
    }
}

static void take_mtu(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    char blksize[NUMBER_TEXT_BYTES];
    uint64_t mtu;

    if (s->count != 1 || !number_parse(s->at.value, OVERHEAD, UINT32_MAX, &mtu)) {
        import_plan_miss(d->plan, &s->at, "an MTU in bytes belongs here");
        return;
    }
    snprintf(blksize, sizeof(blksize), "%" PRIu64, mtu - OVERHEAD);
    if (import_plan_carry(d->plan, &s->at, "blksize-max", blksize)) {
        import_plan_remark(d->plan, &s->at, "%s", row->say);
    }
}

static void take_refuse(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    import_plan_carry(d->plan, &s->at, "refuse-options", row->say);
}

static void take_quiet(struct dnsmasq *d, const struct row *row, const struct setting *s)
{
    import_plan_carry(d->plan, &s->at, "log-level", row->say);
}

#define BY_ADDRESS                                                                                 \
    "wherryd listens on addresses, not interfaces: give those of this machine, listen = "          \
    "{\"tftp://ADDRESS:69\"}"
#define NOT_FOLLOWED "not followed: import that file by itself if it has settings of TFTP"

static const struct row rows[] = {
    {"enable-tftp", take_enable, BY_ADDRESS},
    {"tftp-root", take_root,
     "a root for one interface: run a wherryd with this root on the interface's address"},
    {"tftp-no-fail", take_miss,
     "wherryd does not start without its root: have the service wait for it, RequiresMountsFor= in "
     "`systemctl edit wherryd`"},
    {"tftp-unique-root", take_miss,
     "there is one root for all: put the files of a client into a directory, and have DHCP name it "
     "in front of the file (dhcp-boot with a tag)"},
    {"tftp-secure", take_miss,
     "the owner of a file does not count: let the user wherry read only what is to be served"},
    {"tftp-lowercase", take_miss,
     "names are taken as they come: rename the files, or make symbolic links within the root"},
    {"tftp-max", take_miss, "no key limits the number of transfers: leave it out"},
    {"tftp-mtu", take_mtu,
     "less 32 bytes of headers, as with IPv4; where IPv6 is served, 52 bytes less than the MTU are "
     "right, or `mtu`, which asks the route"},
    {"tftp-no-blocksize", take_refuse, "blksize"},
    {"tftp-port-range", take_miss,
     "no key limits the ports of transfers: let a firewall follow them (nf_conntrack_tftp), or set "
     "the range of the machine (sysctl net.ipv4.ip_local_port_range)"},
    {"tftp-single-port", take_miss,
     "transfers leave from ports of their own: let NAT and firewalls follow them "
     "(nf_conntrack_tftp)"},
    {"quiet-tftp", take_quiet, "warning"},
    {"interface", take_where, BY_ADDRESS},
    {"except-interface", take_where, BY_ADDRESS},
    {"no-dhcp-interface", take_where, BY_ADDRESS},
    {"listen-address", take_address, NULL},
    {"conf-file", take_miss, NOT_FOLLOWED},
    {"conf-dir", take_miss,
     "not followed: import each of its files by itself if it has settings of TFTP"},
    {"conf-script", take_miss, "not run: import what it prints by itself, if that is about TFTP"},
};

static void take(struct dnsmasq *d, const struct setting *s)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, s->at.name) == 0) {
            rows[i].take(d, &rows[i], s);
            return;
        }
    }
    if (strncmp(s->at.name, "tftp-", 5) == 0) {
        import_plan_miss(d->plan, &s->at,
                         "no setting that dnsmasq's TFTP server is known to have: look for a "
                         "typing error");
    } else {
        d->others++;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* What a backslash and this letter mean between quotes; 0: they stand for themselves. */
static char escaped(char c)
{
    static const char letters[] = "\"\\tnebr";
    static const char meanings[] = "\"\\\t\n\033\b\r";
    const char *at = c != '\0' ? strchr(letters, c) : NULL;

    if (at == NULL) {
        return '\0';
    }
    return meanings[at - letters];
}

/* Copies what stands between double quotes, from behind the first to behind the second one. NULL:
 * there is no second. */
static char *copy_quoted(char *from, char **to)
{
    for (; *from != '"'; from++) {
        char c = *from;

        if (c == '\0') {
            return NULL;
        }
        if (c == '\\' && escaped(from[1]) != '\0') {
            from++;
            c = escaped(*from);
        }
        *(*to)++ = c;
    }
    return from + 1;
}

/* The values of a line, written over themselves without quotes, blanks around them and comments.
 * False: a quote is never closed. */
static bool split_values(char *from, size_t *ret_count)
{
    char *to = from;
    char *keep = from; /* behind the last character that is no blank at a value's end */
    size_t count = 1;
    bool begins = true; /* only blanks so far */
    bool word_begins = true;

    while (*from != '\0' && !(*from == '#' && word_begins)) {
        word_begins = is_blank(*from);
        if (*from == '"') {
            from = copy_quoted(from + 1, &to);
            if (from == NULL) {
                return false;
            }
            keep = to;
            begins = false;
        } else if (*from == ',') {
            from++;
            *keep = '\0';
            keep = to = keep + 1;
            count++;
            begins = true;
        } else if (is_blank(*from)) {
            if (!begins) {
                *to++ = *from;
            }
            from++;
        } else {
            *to++ = *from++;
            keep = to;
            begins = false;
        }
    }
    *keep = '\0';
    *ret_count = count;
    return true;
}

/* A line without its end. *ret has no name if nothing is on it. Returns what is wrong, or NULL. */
static const char *read_line(char *line, unsigned number, struct setting *ret)
{
    struct setting s = {.at = {number, NULL, NULL}};
    char *end;

    while (is_blank(*line)) {
        line++;
    }
    if (*line != '\0' && *line != '#') {
        s.at.name = line;
        line += strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-");
        end = line;
        while (is_blank(*line)) {
            line++;
        }
        if (end == s.at.name || (*line != '=' && *line != '\0' && (*line != '#' || line == end))) {
            return "no setting as dnsmasq knows them: name, or name=value";
        }
        if (*line == '=') {
            s.at.value = line + 1;
            if (!split_values(line + 1, &s.count)) {
                return "this line has a quote that is never closed";
            }
        }
        *end = '\0';
    }
    *ret = s;
    return NULL;
}

/* All settings of the text; the caller frees them. NULL: the plan knows why. */
static struct setting *read_settings(struct import_plan *plan, char *text, size_t *ret_count)
{
    size_t lines = 1;
    size_t count = 0;
    struct setting *settings;

    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    settings = calloc(lines, sizeof(*settings));
    if (settings == NULL) {
        import_plan_broken(plan, 0, wherry_res_text(RES_NO_MEMORY), RES_NO_MEMORY);
        return NULL;
    }
    for (unsigned line = 1; line <= lines; line++) {
        char *next = text + strcspn(text, "\n") + 1; /* behind the last line it is not looked at */
        const char *wrong;

        next[-1] = '\0';
        wrong = read_line(text, line, &settings[count]);
        if (wrong != NULL) {
            import_plan_broken(plan, line, wrong, RES_PROTOCOL);
            free(settings);
            return NULL;
        }
        count += settings[count].at.name != NULL;
        text = next;
    }
    *ret_count = count;
    return settings;
}

static void remark_end(const struct dnsmasq *d)
{
    if (!d->enabled) {
        import_plan_remark(
            d->plan, NULL,
            "enable-tftp is not among the settings: dnsmasq serves no TFTP by them.");
    }
    if (d->enabled && !d->root) {
        const struct import_at at = {1, "tftp-root", NULL};

        import_plan_miss(d->plan, &at,
                         "none for all interfaces is given, and dnsmasq serves every file that it "
                         "may read then: choose a directory, root = \"/srv/tftp\"");
    }
    if (d->others > 0) {
        import_plan_remark(d->plan, NULL,
                           "Settings of DNS and DHCP stay with dnsmasq: %u of them. Take its TFTP "
                           "settings out there.",
                           d->others);
    }
}

void import_dnsmasq(struct import_plan *plan, char *text)
{
    struct dnsmasq d = {.plan = plan};
    size_t count = 0;
    struct setting *settings = read_settings(plan, text, &count);

    if (settings == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].at.name, "enable-tftp") == 0) {
            d.enabled = true;
            d.by_interface = d.by_interface || settings[i].count > 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        take(&d, &settings[i]);
    }
    remark_end(&d);
    free(settings);
}
