/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/server_run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/number.h"
#include "base/text.h"
#include "io/loop.h"
#include "server/heartbeat.h"
#include "server/transfer_log.h"
#include "server/workers.h"

#define QUOTED_BYTES 512

struct server;

struct server {
    const struct server_run_params *params;
    struct loop *loop;
    struct workers *workers;
    struct heartbeat heartbeat;
    struct loop_signal term;
    struct loop_signal interrupt;
    struct loop_signal hangup;
    struct loop_timer drain;
    bool draining;
};

static void on_drained(void *arg)
{
    struct server *s = arg;

    log_debug(s->params->log, "server", "no transfer is running any more");
    loop_stop(s->loop);
}

static void on_drain_timeout(void *arg)
{
    struct server *s = arg;

    log_warning(s->params->log, "server", "drain-timeout is over, transfers ended unfinished: %zu",
                workers_running(s->workers));
    workers_stop(s->workers);
}

static void on_end(void *arg, int signum)
{
    struct server *s = arg;
    const struct config *config = *s->params->config;
    char text[NUMBER_TEXT_BYTES];

    if (s->draining) {
        log_warning(s->params->log, "server", "second signal, transfers ended unfinished: %zu",
                    workers_running(s->workers));
        workers_stop(s->workers);
        loop_stop(s->loop);
        return;
    }
    s->draining = true;
    workers_drain(s->workers); /* whoever reads the line may rely on it */
    log_info(s->params->log, "server", "SIG%s: ending within %s, transfers running: %zu",
             sigabbrev_np(signum), number_print_time(config->drain_timeout_ns, text),
             workers_running(s->workers));
    heartbeat_ending(&s->heartbeat, config->drain_timeout_ns);
    loop_timer_at(&s->drain, loop_now_ns(s->loop) + config->drain_timeout_ns);
}

static void on_answered(void *arg)
{
    struct server *s = arg;

    heartbeat_answered(&s->heartbeat);
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool same_endpoints(const struct config *a, const struct config *b)
{
    if (a->endpoint_count != b->endpoint_count) {
        return false;
    }
    for (size_t i = 0; i < a->endpoint_count; i++) {
        if (a->endpoints[i].scheme != b->endpoints[i].scheme ||
            !addr_equal(&a->endpoints[i].addr, &b->endpoints[i].addr)) {
            return false;
        }
    }
    return true;
}

static void warn_unchanged(const struct log *log, const char *key)
{
    log_warning(log, "server", "%s changed: takes effect when wherryd is started again", key);
}

static void warn_of_endpoints(const struct log *log, bool handed_over)
{
    if (handed_over) {
        log_warning(log, "server",
                    "listen changed: not used, since the sockets were handed over by the service "
                    "manager");
    } else {
        warn_unchanged(log, "listen");
    }
}

/* What is opened, started or given away once, before serving, stays. */
static void warn_of_fixed(const struct server_run_params *p, const struct config *old,
                          const struct config *new)
{
    const struct log *log = p->log;

    if (!same_text(old->root, new->root)) {
        warn_unchanged(log, "root");
    }
    if (!same_endpoints(old, new)) {
        warn_of_endpoints(log, p->listeners->handed_over);
    }
    if (!same_text(old->user, new->user)) {
        warn_unchanged(log, "user");
    }
    if (old->log_syslog != new->log_syslog) {
        warn_unchanged(log, "log");
    }
    if (old->workers != new->workers) {
        warn_unchanged(log, "workers");
    }
    if (old->segments != new->segments) {
        warn_unchanged(log, "segments");
    }
    if (old->sandbox != new->sandbox) {
        warn_unchanged(log, "sandbox");
    }
}

static void copy_fixed(struct config *to, const struct config *from)
{
    to->root = from->root;
    to->endpoints = from->endpoints;
    to->endpoint_urls = from->endpoint_urls;
    to->endpoint_count = from->endpoint_count;
    to->endpoints_preset = from->endpoints_preset;
    to->user = from->user;
    to->log_syslog = from->log_syslog;
    to->workers = from->workers;
    to->segments = from->segments;
    to->sandbox = from->sandbox;
}

/* The settings are those in force, also for the next reload to compare with: new takes over what is
 * fixed from old, which is changed and freed when no worker looks at it any more. */
static void replace_config(struct server *s, struct config *old, struct config *new)
{
    bool refuse = s->params->read_only && config_may_write(new);
    struct config asked;

    copy_fixed(&asked, new);
    copy_fixed(new, old);
    if (refuse) {
        log_warning(s->params->log, "server",
                    "nobody may upload until wherryd is started again: its sandbox is read-only");
        config_forbid_write(new); /* refused by policy is clearer than failing */
    }
    workers_configure(s->workers, new);
    *s->params->config = new;
    copy_fixed(old, &asked);
    config_free(old);
}

/* Reads on the loop: small files, when somebody asks for it. */
static void reload(struct server *s)
{
    const struct server_run_params *p = s->params;
    struct config *old = *p->config;
    struct config *new = NULL;
    char why[CONFIG_WHY];

    if (config_read_again(p->argc, p->argv, old, &new, why, sizeof(why)) != RES_OK) {
        log_error(p->log, "server", "not reloaded, the old settings stay: %s", why);
        return;
    }
    warn_of_fixed(p, old, new);
    p->log->level = new->log_level;
    umask(new->umask);
    replace_config(s, old, new);
    log_info(p->log, "server", "configuration reloaded from %s, write %s",
             new->file != NULL ? new->file : "the command line alone", config_write_name(new));
}

static void on_hangup(void *arg, int signum)
{
    struct server *s = arg;

    (void)signum;
    heartbeat_reloading(&s->heartbeat);
    reload(s);
    heartbeat_reloaded(&s->heartbeat);
}

static void report_start(const struct server *s)
{
    const struct server_run_params *p = s->params;
    const struct config *c = *p->config;
    char url[LISTENERS_URL_BYTES];
    char quoted[QUOTED_BYTES];

    for (size_t i = 0; i < p->listeners->count; i++) {
        const struct listener *l = &p->listeners->items[i];

        if (l->worker > 0) {
            continue; /* one more socket of an endpoint that was told */
        }
        log_line(p->log, LOG_LEVEL_INFO, "listening on %s%s", listeners_url(&l->endpoint, url),
                 p->listeners->handed_over ? " (handed over)" : "");
        if (l->endpoint.scheme == ENDPOINT_TFTP) {
            log_debug(p->log, "server", "%s: %lu bytes of requests may wait", url,
                      (unsigned long)l->buffer_bytes);
        }
    }
    if (p->listeners->handed_over && !c->endpoints_preset) {
        log_info(p->log, "server",
                 "listen is not used: these sockets were handed over by the service manager");
    }
    log_info(p->log, "server", "wherryd %s serves \"%s\" as user %s, write %s", WHERRY_VERSION,
             text_quote((const uint8_t *)c->root, strlen(c->root), quoted, sizeof(quoted)), p->user,
             config_write_name(c));
}

static void report_end(const struct server *s)
{
    struct transfer_counts counts;
    uint64_t all = 0;
    char text[256];
    size_t len = 0;

    workers_count(s->workers, &counts);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        all += counts.outcomes[i];
        len += (size_t)snprintf(text + len, sizeof(text) - len, " %s=%" PRIu64,
                                outcome_word((enum outcome)i), counts.outcomes[i]);
    }
    log_info(s->params->log, "server", "served %" PRIu64 " requests, bytes=%" PRIu64 "%s", all,
             counts.bytes, text);
}

static enum res begin(struct server *s, char *why, size_t cap)
{
    const struct server_run_params *p = s->params;
    struct workers_params wp = {
        .jail = p->jail,
        .config = *p->config,
        .log = p->log,
        .listeners = p->listeners,
        .drained = on_drained,
        .answered = on_answered,
        .arg = s,
    };
    enum res r = loop_new(&s->loop);

    if (r != RES_OK) {
        snprintf(why, cap, "cannot serve: %s", wherry_res_text(r));
        return r;
    }
    wp.loop = s->loop;
    return workers_new(&s->workers, &wp, why, cap);
}

static void watch(struct server *s)
{
    loop_timer_init(s->loop, &s->drain, on_drain_timeout, s);
    loop_signal_start(s->loop, &s->term, SIGTERM, on_end, s);
    loop_signal_start(s->loop, &s->interrupt, SIGINT, on_end, s);
    loop_signal_start(s->loop, &s->hangup, SIGHUP, on_hangup, s);
}

/* One more signal while the end is under way must not turn exit 0 into death by a signal. */
static void hold_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void end(struct server *s)
{
    hold_signals();
    if (s->loop != NULL) {
        loop_signal_stop(&s->term);
        loop_signal_stop(&s->interrupt);
        loop_signal_stop(&s->hangup);
        loop_timer_stop(&s->drain);
        heartbeat_stop(&s->heartbeat);
    }
    workers_free(s->workers);
    loop_free(s->loop);
}

enum res server_run(const struct server_run_params *p, char *why, size_t cap)
{
    struct server s = {.params = p};
    enum res r = begin(&s, why, cap);

    if (r != RES_OK) {
        end(&s);
        return r;
    }
    watch(&s);
    report_start(&s);
    heartbeat_start(&s.heartbeat, s.loop, s.workers, p->notify);
    loop_run(s.loop);
    report_end(&s);
    end(&s);
    log_info(p->log, "server", "ended");
    return RES_OK;
}
