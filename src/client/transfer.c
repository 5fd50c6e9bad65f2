/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/attempts.h"
#include "client/end_signals.h"
#include "client/local_file.h"
#include "client/meter.h"
#include "client/resolve.h"
#include "client/tftp_side.h"
#include "io/loop.h"
#include "io/pool.h"

#define NAME_SHOWN_BYTES 256

struct transfer {
    const struct transfer_params *p;
    struct loop *loop;
    struct pool *pool;
    struct udp_batch *batch;
    struct udp_out *out; /* of a put */
    struct end_signals signals;
    struct loop_timer meter_timer;

    struct addr addresses[RESOLVE_MAX];
    struct attempts attempts;
    struct tftp_side *side; /* the present attempt, or the last one */
    struct local_file file;

    char label[NAME_SHOWN_BYTES];
    struct meter meter;
    struct outcome outcome;
};

static bool is_get(const struct transfer *t)
{
    return t->p->opcode == WHERRY_RRQ;
}

static void finish(struct transfer *t, const struct outcome *o)
{
    t->outcome = *o;
    loop_stop(t->loop);
}

static void finish_locally(struct transfer *t, enum res r)
{
    struct outcome o = {.side = OUTCOME_LOCAL, .result = r};

    finish(t, &o);
}

/* --- attempts --- */

static struct tftp_asks what_to_ask(const struct transfer *t, const struct addr *server, int fd)
{
    const struct client_settings *settings = t->p->settings;
    struct tftp_asks a = {0};

    if (!t->attempts.options) {
        return a;
    }
    a.blksize = t->attempts.blksize != 0 ? t->attempts.blksize : tftp_asks_blksize(server);
    a.windowsize =
        (uint16_t)(settings->windowsize != 0 ? settings->windowsize : OPTION_WINDOWSIZE_DEFAULT);
    if (is_get(t)) {
        uint16_t fits = tftp_asks_windowsize(fd, a.windowsize, a.blksize);

        if (fits < a.windowsize) {
            console_say(t->p->console, CONSOLE_NOTE,
                        "asking for windowsize %u, the receive buffer holds no more",
                        (unsigned)fits);
        }
        a.windowsize = fits;
    }
    a.timeout_s = (uint16_t)settings->tftp_timeout_s;
    if (t->p->url->mode == WHERRY_OCTET) {
        a.size = is_get(t) ? 0 : source_length(t->file.source);
        a.tsize = a.size != WHERRY_LENGTH_UNKNOWN;
    }
    return a;
}

static void on_agreed(void *owner);
static void on_ended(void *owner);

static enum res start_side(struct transfer *t)
{
    static const struct addr anywhere;
    const struct addr *server = &t->addresses[t->attempts.address];
    struct addr local;
    int fd = -1;
    struct tftp_side_params params;
    enum res r = udp_open(&anywhere, server->u.sa.sa_family, &fd, &local);

    if (r != RES_OK) {
        return r;
    }
    params = (struct tftp_side_params){
        .loop = t->loop,
        .batch = t->batch,
        .out = t->out,
        .server = server,
        .fd = fd,
        .opcode = t->p->opcode,
        .name = t->p->url->name,
        .mode = t->p->url->mode,
        .asks = what_to_ask(t, server, fd),
        .patience_ns = t->p->settings->patience_ns,
        .sink = t->file.sink,
        .source = t->file.source,
        .gathers = t->p->fd == -1,
        .strict_size = t->p->settings->strict_size,
        .agreed = on_agreed,
        .ended = on_ended,
        .owner = t,
    };
    r = tftp_side_start(&t->side, &params);
    if (r != RES_OK) {
        (void)close(fd);
    }
    return r;
}

static void start_attempt(struct transfer *t)
{
    char address[ADDR_TEXT_BYTES];
    struct outcome o = {.side = OUTCOME_NETWORK};
    enum res r;

    console_say(t->p->console, CONSOLE_NOTE, "asking %s",
                addr_print(&t->addresses[t->attempts.address], address));
    r = start_side(t);
    if (r != RES_OK) {
        o.result = r;
        (void)snprintf(o.detail, sizeof(o.detail), "cannot ask %s: %s", address,
                       r == RES_NAME ? "the name is too long for a request" : wherry_res_text(r));
        finish(t, &o);
    }
}

static void on_agreed(void *owner)
{
    struct transfer *t = owner;
    const struct wherry_agreed *a = tftp_side_agreed(t->side);
    char tsize[48] = "";

    if (a->tsize_known) {
        (void)snprintf(tsize, sizeof(tsize), " tsize=%" PRIu64, a->tsize);
    }
    console_say(t->p->console, CONSOLE_NOTE, "agreed blksize=%u windowsize=%u%s",
                (unsigned)a->blksize, (unsigned)a->windowsize, tsize);
}

static void note_next_attempt(struct transfer *t, enum attempt_end end)
{
    char address[ADDR_TEXT_BYTES];
    const struct attempts *a = &t->attempts;

    switch (end) {
    case ATTEMPT_UNREACHED:
        console_say(t->p->console, CONSOLE_NOTE, "%s; trying the next address",
                    tftp_side_outcome(t->side)->detail);
        break;
    case ATTEMPT_OPTIONS_REFUSED:
        console_say(t->p->console, CONSOLE_NOTE, "%s refuses options; asking again without any",
                    addr_print(&t->addresses[a->address], address));
        break;
    case ATTEMPT_BLOCKS_LOST:
        if (a->options) {
            console_say(t->p->console, CONSOLE_NOTE,
                        "blocks do not come through; asking for blksize %u", (unsigned)a->blksize);
        } else {
            console_say(t->p->console, CONSOLE_NOTE,
                        "blocks do not come through; asking again without options");
        }
        break;
    case ATTEMPT_FINAL:
        break;
    }
}

static void on_ended(void *owner)
{
    struct transfer *t = owner;
    enum attempt_end end = tftp_side_end(t->side);
    uint16_t blksize = tftp_side_agreed(t->side)->blksize;
    struct tftp_side *old = t->side;

    if (!attempts_next(&t->attempts, end, blksize)) {
        finish(t, tftp_side_outcome(t->side));
        return;
    }
    note_next_attempt(t, end);
    t->side = NULL;
    start_attempt(t);
    tftp_side_free(old); /* only now, so that the new port is another one */
}

/* --- the local file --- */

static void on_opened(void *owner, enum res r)
{
    struct transfer *t = owner;

    if (r != RES_OK) {
        finish_locally(t, r);
        return;
    }
    start_attempt(t);
}

static void on_stored(void *owner, enum res r, uint64_t block)
{
    struct transfer *t = owner;

    tftp_side_stored(t->side, r, block);
}

static void on_committed(void *owner, enum res r)
{
    struct transfer *t = owner;

    tftp_side_committed(t->side, r);
}

static void on_ready(void *owner)
{
    struct transfer *t = owner;

    if (t->side != NULL) {
        tftp_side_ready(t->side);
    }
}

static enum res open_file(struct transfer *t)
{
    const struct local_file_params params = {
        .opcode = t->p->opcode,
        .mode = t->p->url->mode,
        .path = t->p->local,
        .fd = t->p->fd,
        .replace = t->p->replace,
        .loop = t->loop,
        .pool = t->pool,
        .opened = on_opened,
        .stored = on_stored,
        .committed = on_committed,
        .ready = on_ready,
        .owner = t,
    };

    return local_file_open(&t->file, &params);
}

/* --- signals and progress --- */

static void on_signal(void *arg, int signum)
{
    struct transfer *t = arg;
    struct outcome o = {.side = OUTCOME_SIGNAL, .result = RES_SHUTDOWN, .signum = signum};

    if (t->side != NULL) {
        tftp_side_interrupt(t->side, signum);
    } else {
        finish(t, &o);
    }
}

static uint64_t total_bytes(const struct transfer *t)
{
    const struct wherry_agreed *a = tftp_side_agreed(t->side);

    if (is_get(t)) {
        return a->tsize_known ? a->tsize : PROGRESS_TOTAL_UNKNOWN;
    }
    return source_length(t->file.source);
}

static void on_meter(void *arg)
{
    struct transfer *t = arg;
    uint64_t now_ns = loop_now_ns(t->loop);

    if (t->side != NULL) {
        meter_tick(&t->meter, tftp_side_bytes(t->side), total_bytes(t), now_ns);
    }
    loop_timer_at(&t->meter_timer, now_ns + METER_EVERY_NS);
}

static void watch(struct transfer *t)
{
    end_signals_start(&t->signals, t->loop, on_signal, t);
    loop_timer_init(t->loop, &t->meter_timer, on_meter, t);
    if (t->meter.draws) {
        loop_timer_at(&t->meter_timer, t->meter.start_ns + METER_EVERY_NS);
    }
}

static void unwatch(struct transfer *t)
{
    end_signals_stop(&t->signals);
    loop_timer_stop(&t->meter_timer);
}

/* --- from beginning to end --- */

static bool resolve(struct transfer *t)
{
    const struct client_settings *s = t->p->settings;
    size_t count = 0;

    if (!resolve_url(t->p->url, s, t->addresses, &count, &t->outcome)) {
        return false;
    }
    attempts_init(&t->attempts, count, !s->no_options, (uint16_t)s->blksize);
    return true;
}

static void run(struct transfer *t)
{
    enum res r;

    meter_begin(&t->meter, t->p->console, t->label, t->p->fd, loop_now_ns(t->loop));
    watch(t);
    r = open_file(t);
    if (r == RES_OK || r == RES_LATER) {
        if (r == RES_OK) {
            start_attempt(t);
        }
        loop_run(t->loop);
    } else {
        t->outcome = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    }
    unwatch(t);
}

/* Everything that a run needs and no run has yet. */
static bool make(struct transfer *t)
{
    enum res r = loop_new(&t->loop);

    if (r == RES_OK) {
        r = pool_new(&t->pool, t->loop, local_file_threads(t->p->opcode, t->p->fd));
    }
    if (r == RES_OK) {
        r = udp_batch_new(&t->batch);
    }
    if (r == RES_OK && !is_get(t)) {
        r = udp_out_new(&t->out, UDP_SEGMENTS_AUTO);
    }
    t->outcome = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    return r == RES_OK;
}

static void say_failure(struct transfer *t)
{
    struct outcome *o = &t->outcome;
    char url[2 * NAME_SHOWN_BYTES];
    char text[OUTCOME_PRINT_BYTES];

    if (o->side == OUTCOME_LOCAL && o->detail[0] == '\0') {
        (void)text_quote((const uint8_t *)t->p->local, strlen(t->p->local), o->detail,
                         sizeof(o->detail));
    }
    (void)text_quote((const uint8_t *)t->p->url_text, strlen(t->p->url_text), url, sizeof(url));
    console_say(t->p->console, CONSOLE_ERROR, "%s %s: %s", t->p->command, url,
                outcome_print(o, text));
}

static void say_success(struct transfer *t)
{
    uint64_t announced;
    uint64_t bytes = tftp_side_bytes(t->side);

    if (tftp_side_size_differs(t->side, &announced)) {
        console_say(t->p->console, CONSOLE_WARNING,
                    "%s: the server announced %" PRIu64 " bytes and sent %" PRIu64, t->label,
                    announced, bytes);
    }
    meter_close(&t->meter, bytes, loop_now_ns(t->loop));
    console_say(t->p->console, CONSOLE_NOTE, "%" PRIu64 " packets sent again",
                tftp_side_resent(t->side));
}

enum exit_code transfer_run(const struct transfer_params *p)
{
    struct transfer t = {.p = p};
    enum exit_code code;

    (void)text_quote((const uint8_t *)p->label, strlen(p->label), t.label, sizeof(t.label));
    if (make(&t) && resolve(&t)) {
        run(&t);
    }
    if (t.outcome.side == OUTCOME_DONE) {
        say_success(&t);
    } else {
        say_failure(&t);
    }
    code = outcome_exit_code(&t.outcome);
    tftp_side_free(t.side);
    local_file_close(&t.file);
    udp_batch_free(t.batch);
    udp_out_free(t.out);
    pool_free(t.pool);
    loop_free(t.loop);
    return code;
}
