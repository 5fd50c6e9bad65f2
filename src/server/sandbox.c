/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/sandbox.h"

#include <time.h>

#include "server/sandbox_filter.h"
#include "server/sandbox_landlock.h"

/* What this kernel can do. */
struct offer {
    int landlock; /* its ABI; 0: none */
    bool filter;
    const char *no_landlock; /* why not */
    const char *no_filter;
};

static struct offer look(void)
{
    struct offer o = {.no_landlock = ""};

    o.landlock = sandbox_landlock_abi(&o.no_landlock);
    o.filter = sandbox_filter_available(&o.no_filter);
    return o;
}

static bool is_whole(const struct offer *o)
{
    return o->landlock > 0 && o->filter;
}

static void name_missing(const struct offer *o, char *buf, size_t cap)
{
    int len = 0;

    if (o->landlock == 0) {
        len = snprintf(buf, cap, "Landlock (%s)%s", o->no_landlock, o->filter ? "" : ", ");
    }
    if (!o->filter && len >= 0 && (size_t)len < cap) {
        snprintf(buf + len, cap - (size_t)len, "the filter of system calls (%s)", o->no_filter);
    }
}

static enum res refuse(const char *missing, char *why, size_t cap)
{
    snprintf(why, cap,
             "sandbox = required, and this is missing: %s; sandbox = auto does without it",
             missing);
    return RES_UNSUPPORTED;
}

enum res sandbox_check(const struct config *c, char *why, size_t cap)
{
    const struct offer o = look();
    char missing[SANDBOX_WHY / 2];

    if (c->sandbox != CONFIG_SANDBOX_REQUIRED || is_whole(&o)) {
        return RES_OK;
    }
    name_missing(&o, missing, sizeof(missing));
    return refuse(missing, why, cap);
}

/* What is on offer and fails all the same becomes missing. */
static void enter_parts(struct offer *o, const struct config *c, const struct jail *jail,
                        char no_landlock[SANDBOX_WHY / 4], char no_filter[SANDBOX_WHY / 4])
{
    const struct sandbox_places places = {
        .root_fd = jail_fd(jail),
        .write = config_may_write(c),
        .config_file = c->file != NULL ? c->file : CONFIG_FILE,
    };
    const struct sandbox_filter_wish wish = {.write = places.write, .syslog = c->log_syslog};

    if (o->landlock > 0 &&
        sandbox_landlock_enter(&places, o->landlock, no_landlock, SANDBOX_WHY / 4) != RES_OK) {
        o->landlock = 0;
        o->no_landlock = no_landlock;
    }
    if (o->filter && sandbox_filter_enter(&wish, no_filter, SANDBOX_WHY / 4) != RES_OK) {
        o->filter = false;
        o->no_filter = no_filter;
    }
}

enum res sandbox_enter(const struct config *c, const struct jail *jail, const struct log *log,
                       bool *ret_read_only, char *why, size_t cap)
{
    char no_landlock[SANDBOX_WHY / 4];
    char no_filter[SANDBOX_WHY / 4];
    char missing[SANDBOX_WHY / 2];
    struct offer o;
    enum res r = sandbox_check(c, why, cap);

    if (r != RES_OK) {
        return r;
    }
    if (c->sandbox == CONFIG_SANDBOX_OFF) {
        *ret_read_only = false;
        return RES_OK;
    }
    tzset(); /* syslog(3) tells the time of day, whose zone is a file */
    o = look();
    enter_parts(&o, c, jail, no_landlock, no_filter);
    if (!is_whole(&o)) {
        name_missing(&o, missing, sizeof(missing));
        if (c->sandbox == CONFIG_SANDBOX_REQUIRED) {
            return refuse(missing, why, cap);
        }
        log_warning(log, "server", "sandbox in part, this is missing: %s", missing);
    }
    log_debug(log, "server", "sandbox: Landlock ABI %d, filter of system calls %s, root %s",
              o.landlock, o.filter ? "on" : "off", config_may_write(c) ? "writable" : "read-only");
    *ret_read_only = (o.landlock > 0 || o.filter) && !config_may_write(c);
    return RES_OK;
}

void sandbox_print(FILE *to)
{
    const struct offer o = look();

    fputs("# sandbox, what this kernel can do:\n", to);
    if (o.landlock > 0) {
        fprintf(to, "#   Landlock: yes, ABI %d: files; TCP: %s; signals and abstract sockets: %s\n",
                o.landlock,
                o.landlock >= SANDBOX_LANDLOCK_TCP ? "yes" : "by the filter alone (Linux 6.7)",
                o.landlock >= SANDBOX_LANDLOCK_SCOPE ? "yes" : "by the filter alone (Linux 6.12)");
    } else {
        fprintf(to, "#   Landlock: no: %s\n", o.no_landlock);
    }
    if (o.filter) {
        fputs("#   filter of system calls: yes\n", to);
    } else {
        fprintf(to, "#   filter of system calls: no: %s\n", o.no_filter);
    }
}
