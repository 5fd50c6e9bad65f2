/* SPDX-License-Identifier: BSD-2-Clause */
/* server/main.c: start-up, in the order that makes it safe: what needs privileges comes first, then
 * they go for good, and only then the first packet is heard. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wherry/res.h>

#include "base/log.h"
#include "base/text.h"
#include "io/log_writer.h"
#include "server/config.h"
#include "server/import.h"
#include "server/listeners.h"
#include "server/notify.h"
#include "server/privs.h"
#include "server/sandbox.h"
#include "server/server_run.h"
#include "store/jail.h"

/* Exit status, as wherryd(8) has it. */
enum { EXIT_ENDED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define WHY_BYTES 2048
#define QUOTED_BYTES 1024

/* A file or socket that became descriptor 2 would be written over by error messages. */
static bool open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

static void raise_descriptor_limit(const struct log *log)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warning(log, "server", "limit of descriptors unknown: %s", strerror(errno));
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warning(log, "server", "limit of descriptors stays low: %s", strerror(errno));
    }
}

static enum res open_root(struct jail **ret, const char *root, char *why, size_t cap)
{
    char quoted[QUOTED_BYTES];
    struct stat st;
    enum res r = jail_open(ret, root);

    text_quote((const uint8_t *)root, strlen(root), quoted, sizeof(quoted));
    switch (r) {
    case RES_OK:
        break;
    case RES_NOT_FOUND:
        snprintf(why, cap, "root \"%s\": %s with --root DIR", quoted,
                 stat(root, &st) == 0 ? "not a directory: name one"
                                      : "no such directory: create it, or name another");
        break;
    case RES_UNSUPPORTED:
        snprintf(why, cap,
                 "root \"%s\": openat2() is missing: Linux 5.6 or later is needed, and a sandbox "
                 "must allow it",
                 quoted);
        break;
    default:
        snprintf(why, cap, "root \"%s\": %s: name a directory that may be read with --root DIR",
                 quoted, wherry_res_text(r));
        break;
    }
    return r;
}

/* Everything that must be there at once to serve. */
struct start {
    int argc;
    char **argv;
    struct config *config;
    struct log log;
    struct log_writer *writer;
    struct listeners listeners;
    struct notify notify;
    struct jail *jail;
    struct privs privs;
    bool read_only; /* by the sandbox */
    char why[WHY_BYTES];
};

static enum res forbid_gain(struct start *s)
{
    return privs_forbid_gain(s->why, sizeof(s->why));
}

static enum res meet_service_manager(struct start *s)
{
    notify_open(&s->notify, &s->log);
    return listeners_inherit(&s->listeners, s->why, sizeof(s->why));
}

/* Without a thread yet. */
static enum res open_log(struct start *s)
{
    enum log_target target = isatty(STDERR_FILENO) ? LOG_TARGET_STDERR : LOG_TARGET_JOURNAL;
    enum res r = log_writer_new(&s->writer, s->config->log_syslog ? LOG_TARGET_SYSLOG : target,
                                STDERR_FILENO);

    if (r != RES_OK) {
        snprintf(s->why, sizeof(s->why), "cannot log: %s", wherry_res_text(r));
        return r;
    }
    s->log.level = s->config->log_level;
    s->log.sink = log_writer_sink;
    s->log.arg = s->writer;
    return RES_OK;
}

static enum res find_user(struct start *s)
{
    return privs_find(s->config->user, &s->privs, s->why, sizeof(s->why));
}

static enum res bind_sockets(struct start *s)
{
    return listeners_open(&s->listeners, s->config, s->why, sizeof(s->why));
}

static enum res open_the_root(struct start *s)
{
    return open_root(&s->jail, s->config->root, s->why, sizeof(s->why));
}

static enum res drop_privileges(struct start *s)
{
    bool keeps_port = false;
    enum res r = privs_drop(&s->privs, &keeps_port, s->why, sizeof(s->why));

    if (keeps_port) {
        log_info(
            &s->log, "server",
            "CAP_NET_BIND_SERVICE stays: the service manager's filter forbids to give it away");
    }
    if (r == RES_OK && s->privs.root) {
        log_warning(&s->log, "server", "serving as root: name an ordinary user with --user");
    }
    return r == RES_OK ? privs_forbid_core(s->why, sizeof(s->why)) : r;
}

static bool rules_have_paths(const struct policy_rules *rules)
{
    for (size_t i = 0; i < policy_rules_count(rules); i++) {
        if (policy_rules_at(rules, i)->path != NULL) {
            return true;
        }
    }
    return false;
}

/* The root was opened before the user changed; what that user may not do is better said now than
 * with each request. */
static void warn_of_refusals(const struct start *s)
{
    int root_fd = jail_fd(s->jail);

    if (faccessat(root_fd, ".", X_OK, AT_EACCESS) != 0) {
        log_warning(&s->log, "server",
                    "user %s may not enter the root: every request will be refused", s->privs.name);
    } else if (config_may_write(s->config) && faccessat(root_fd, ".", W_OK, AT_EACCESS) != 0) {
        log_warning(&s->log, "server", "user %s may not write in the root: uploads there will fail",
                    s->privs.name);
    }
    if (rules_have_paths(s->config->rules) && access("/proc/self/fd", F_OK) != 0) {
        log_warning(&s->log, "server",
                    "rules with a path need /proc, which is not mounted here: every request that "
                    "they could concern will be refused");
    }
}

static enum res prepare_process(struct start *s)
{
    warn_of_refusals(s);
    raise_descriptor_limit(&s->log);
    umask(s->config->umask);
    signal(SIGPIPE, SIG_IGN);
    return RES_OK;
}

static enum res enter_sandbox(struct start *s)
{
    return sandbox_enter(s->config, s->jail, &s->log, &s->read_only, s->why, sizeof(s->why));
}

static enum res start_first_thread(struct start *s)
{
    enum res r = log_writer_start(s->writer);

    if (r != RES_OK) {
        snprintf(s->why, sizeof(s->why), "cannot log: %s", wherry_res_text(r));
    }
    return r;
}

static enum res serve(struct start *s)
{
    const struct server_run_params run = {
        .argc = s->argc,
        .argv = s->argv,
        .config = &s->config,
        .log = &s->log,
        .user = s->privs.name,
        .jail = s->jail,
        .read_only = s->read_only,
        .listeners = &s->listeners,
        .notify = &s->notify,
    };

    return server_run(&run, s->why, sizeof(s->why));
}

/* With options and configuration read. What needs privileges, other programs or files elsewhere
 * comes first; then all of that is given away, for good, while there is one thread to give it away;
 * then the first packet is heard. None may be moved behind one that takes away what it needs. */
static enum res (*const steps[])(struct start *s) = {
    forbid_gain,          /* nothing that is executed gains privileges */
    meet_service_manager, /* the socket to tell it, the sockets that it opened */
    open_log,             /* the connection to syslogd */
    find_user,            /* the user database */
    bind_sockets,         /* ports below 1024, large buffers */
    open_the_root,        /* as who started it */
    drop_privileges,      /* the user, and no capabilities; no core */
    prepare_process,      /* limits, umask, signals, as that user */
    enter_sandbox,        /* Landlock, then the filter of system calls */
    start_first_thread,   /* the log's: it and all later ones inherit what holds now */
    serve,
};

static int serve_or_explain(struct config *config, int argc, char **argv)
{
    struct start s = {.argc = argc, .argv = argv, .config = config};
    enum res r = RES_OK;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == RES_OK; i++) {
        r = steps[i](&s);
    }
    if (r != RES_OK && s.writer != NULL && s.config->log_syslog) {
        log_line(&s.log, LOG_LEVEL_ERROR, "%s", s.why);
    }
    log_writer_free(s.writer);
    jail_free(s.jail);
    listeners_close(&s.listeners);
    notify_close(&s.notify);
    config_free(s.config);
    if (r != RES_OK) {
        fprintf(stderr, "wherryd: %s\n", s.why); /* whoever starts it sees it, also with syslog */
        return EXIT_FAILED;
    }
    return EXIT_ENDED;
}

static int check(struct config *c)
{
    struct jail *jail = NULL;
    struct privs privs;
    char why[WHY_BYTES];
    enum res r = open_root(&jail, c->root, why, sizeof(why));

    if (r == RES_OK) {
        r = privs_find(c->user, &privs, why, sizeof(why));
    }
    jail_free(jail);
    if (r == RES_OK) {
        r = sandbox_check(c, why, sizeof(why));
    }
    if (r != RES_OK) {
        fprintf(stderr, "wherryd: %s\n", why);
        config_free(c);
        return EXIT_FAILED;
    }
    config_print(c, stdout);
    sandbox_print(stdout);
    config_free(c);
    puts("# configuration is valid");
    return fflush(stdout) == 0 ? EXIT_ENDED : EXIT_FAILED;
}

static int import_file(const struct config_wish *wish)
{
    static const enum import_kind kinds[] = {
        [CONFIG_IMPORT_TFTPD_HPA] = IMPORT_TFTPD_HPA,
        [CONFIG_IMPORT_ATFTPD] = IMPORT_ATFTPD,
        [CONFIG_IMPORT_DNSMASQ] = IMPORT_DNSMASQ,
    };
    enum res r = import_print(kinds[wish->action], wish->import, stdout, stderr);

    return r == RES_OK && fflush(stdout) == 0 ? EXIT_ENDED : EXIT_FAILED;
}

/* The order of start: standard descriptors, options, the configuration, and then the steps above.
 */
int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct config_wish wish = {.action = CONFIG_SERVE};
    char why[CONFIG_WHY];
    enum res r;

    if (!open_standard_descriptors()) {
        fprintf(stderr,
                "wherryd: /dev/null: %s: it must be there, and open for reading and writing\n",
                strerror(errno));
        return EXIT_FAILED;
    }
    r = config_read(argc, argv, &config, &wish, why, sizeof(why));
    if (r != RES_OK) {
        fprintf(stderr, "wherryd: %s\n", why);
        if (r == RES_PROTOCOL) {
            fputs("Try 'wherryd --help' for all options.\n", stderr);
        }
        return r == RES_NO_MEMORY ? EXIT_FAILED : EXIT_USAGE;
    }
    switch (wish.action) {
    case CONFIG_HELP:
        config_print_help(stdout);
        break;
    case CONFIG_VERSION:
        puts("wherryd " WHERRY_VERSION);
        break;
    case CONFIG_CHECK:
        return check(config);
    case CONFIG_IMPORT_TFTPD_HPA:
    case CONFIG_IMPORT_ATFTPD:
    case CONFIG_IMPORT_DNSMASQ:
        return import_file(&wish);
    case CONFIG_SERVE:
        return serve_or_explain(config, argc, argv);
    }
    return fflush(stdout) == 0 ? EXIT_ENDED : EXIT_FAILED;
}
