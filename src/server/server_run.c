/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/server_run.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/number.h"
#include "base/text.h"
#include "io/loop.h"
#include "io/pool.h"
#include "server/transfer_log.h"
#include "server/worker.h"
#include "store/policy.h"

/* Threads for calls that may block: a few slow disks or mounts at once. */
#define POOL_THREADS 8
#define QUOTED_BYTES 512

struct server;

struct server {
    const struct server_run_params *params;
    struct loop *loop;
    struct pool *pool;
    struct transfer_log *transfers;
    struct worker *worker;
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
                worker_running(s->worker));
    worker_stop(s->worker);
}

static void on_end(void *arg, int signum)
{
    struct server *s = arg;
    const struct config *config = *s->params->config;
    char text[NUMBER_TEXT_BYTES];

    if (s->draining) {
        log_warning(s->params->log, "server", "second signal, transfers ended unfinished: %zu",
                    worker_running(s->worker));
        worker_stop(s->worker);
        loop_stop(s->loop);
        return;
    }
    s->draining = true;
    log_info(s->params->log, "server", "SIG%s: ending within %s, transfers running: %zu",
             sigabbrev_np(signum), number_print_time(config->drain_timeout_ns, text),
             worker_running(s->worker));
    worker_drain(s->worker);
    loop_timer_at(&s->drain, loop_now_ns(s->loop) + config->drain_timeout_ns);
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

/* What is opened or given away once, before serving, stays: said, and kept, so that the settings
 * are those in force, also for the next reload to compare with. */
static void keep_fixed(const struct log *log, struct config *old, struct config *new)
{
    struct config wanted = *new;

    if (!same_text(old->root, new->root)) {
        warn_unchanged(log, "root");
    }
    if (!same_endpoints(old, new)) {
        warn_unchanged(log, "listen");
    }
    if (!same_text(old->user, new->user)) {
        warn_unchanged(log, "user");
    }
    if (old->log_syslog != new->log_syslog) {
        warn_unchanged(log, "log");
    }
    new->root = old->root;
    new->endpoints = old->endpoints;
    new->endpoint_urls = old->endpoint_urls;
    new->endpoint_count = old->endpoint_count;
    new->endpoints_preset = old->endpoints_preset;
    new->user = old->user;
    new->log_syslog = old->log_syslog;
    old->root = wanted.root;
    old->endpoints = wanted.endpoints;
    old->endpoint_urls = wanted.endpoint_urls;
    old->endpoint_count = wanted.endpoint_count;
    old->user = wanted.user;
}

/* Reads on the loop: one small file, when somebody asks for it. */
static void on_hangup(void *arg, int signum)
{
    struct server *s = arg;
    const struct server_run_params *p = s->params;
    struct config *old = *p->config;
    struct config *new = NULL;
    enum config_action action;
    char why[CONFIG_WHY];

    (void)signum;
    if (config_read(p->argc, p->argv, &new, &action, why, sizeof(why)) != RES_OK) {
        log_error(p->log, "server", "not reloaded, the old settings stay: %s", why);
        return;
    }
    keep_fixed(p->log, old, new);
    p->log->level = new->log_level;
    umask(new->umask);
    worker_configure(s->worker, new);
    *p->config = new;
    config_free(old);
    log_info(p->log, "server", "configuration reloaded from %s, write %s",
             new->file != NULL ? new->file : "the command line alone",
             policy_write_name(new->write));
}

static void report_start(const struct server *s)
{
    const struct server_run_params *p = s->params;
    const struct config *c = *p->config;
    char url[LISTENERS_URL_BYTES];
    char quoted[QUOTED_BYTES];

    for (size_t i = 0; i < p->listeners->count; i++) {
        const struct listener *l = &p->listeners->items[i];

        log_line(p->log, LOG_LEVEL_INFO, "listening on %s", listeners_url(&l->endpoint, url));
        if (l->endpoint.scheme == ENDPOINT_TFTP) {
            log_debug(p->log, "server", "%s: %lu bytes of requests may wait", url,
                      (unsigned long)l->buffer_bytes);
        }
    }
    log_info(p->log, "server", "wherryd %s serves \"%s\" as user %s, write %s", WHERRY_VERSION,
             text_quote((const uint8_t *)c->root, strlen(c->root), quoted, sizeof(quoted)), p->user,
             policy_write_name(c->write));
}

static enum res begin(struct server *s)
{
    const struct server_run_params *p = s->params;
    struct worker_params wp = {.jail = p->jail, .config = *p->config, .log = p->log};
    enum res r = loop_new(&s->loop);

    if (r == RES_OK) {
        r = pool_new(&s->pool, s->loop, POOL_THREADS);
    }
    if (r == RES_OK) {
        r = transfer_log_new(&s->transfers, s->loop, p->log);
    }
    if (r != RES_OK) {
        return r;
    }
    wp.loop = s->loop;
    wp.pool = s->pool;
    wp.transfers = s->transfers;
    wp.drained = on_drained;
    wp.arg = s;
    r = worker_new(&s->worker, &wp);
    for (size_t i = 0; i < p->listeners->count && r == RES_OK; i++) {
        struct listener *l = &p->listeners->items[i];

        r = worker_listen(s->worker, l->fd, &l->endpoint);
        if (r == RES_OK) {
            l->fd = -1;
        }
    }
    return r;
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
    }
    worker_free(s->worker);
    pool_free(s->pool);
    transfer_log_free(s->transfers);
    loop_free(s->loop);
}

enum res server_run(const struct server_run_params *p, char *why, size_t cap)
{
    struct server s = {.params = p};
    enum res r = begin(&s);

    if (r != RES_OK) {
        snprintf(why, cap, "cannot serve: %s", wherry_res_text(r));
        end(&s);
        return r;
    }
    watch(&s);
    report_start(&s);
    loop_run(s.loop);
    end(&s);
    log_info(p->log, "server", "ended");
    return RES_OK;
}
