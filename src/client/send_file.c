/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/send_file.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/number.h"
#include "base/text.h"
#include "client/meter.h"
#include "client/sum.h"

#define LABEL_BYTES 512
#define LOOK_EVERY_MS 200 /* at the connection, while a pipe of ours has nothing */

struct sending {
    struct put_job *job;
    const struct put_source *source;
    const char *path;
    struct link *link;
    struct meter meter;
    struct sum *sum;    /* NULL: nobody wants it, or it is known */
    bool summed;        /* sha256 is that of the whole */
    bool announced;     /* PUT carries it */
    uint32_t request;   /* of the PUT */
    bool ready;         /* the server said from where */
    uint64_t offset;    /* where we began */
    uint64_t at;        /* how far we are */
    struct outcome why; /* once it failed */
    uint8_t sha256[WHERRY_SHA256_BYTES];
    char label[LABEL_BYTES];
};

/* --- failures; each returns false --- */

static bool fail_locally(struct sending *s, enum res r)
{
    s->why = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    (void)text_quote((const uint8_t *)s->source->text, strlen(s->source->text), s->why.detail,
                     sizeof(s->why.detail));
    return false;
}

static bool fail_to_ask(struct sending *s, enum res r)
{
    link_explain(s->link, r, &s->why);
    return false;
}

/* The server is to forget it. Its END has to be read, since other files may follow. */
static bool abandon(struct sending *s, enum res r)
{
    struct wherry_client_event e = {.kind = WHERRY_CLIENT_NONE};
    struct outcome ignored; /* the connection's failure shows when it is used next */

    if (wherry_client_exchange_cancel(link_exchange(s->link), s->request, link_now_ns(s->link)) ==
        RES_OK) {
        while (e.kind != WHERRY_CLIENT_END && link_next(s->link, &e, &ignored)) {
        }
    }
    return fail_locally(s, r);
}

/* A lost connection leaves the user with a question: what is there now? After a signal only who
 * wants to go on later asks it. */
static void say_what_is_left(struct sending *s)
{
    bool resume = s->job->call->settings->resume;
    size_t used = strlen(s->why.detail);
    const char *text = "";

    if (!s->ready ||
        !(s->why.side == OUTCOME_NETWORK || (s->why.side == OUTCOME_SIGNAL && resume))) {
        return;
    }
    if (resume) {
        text = "; run the same command again, with --resume, to go on";
    } else if (link_may_be_done(s->link)) {
        text = "; the server may have stored the file all the same";
    } else {
        text = "; nothing of the file is kept";
    }
    (void)snprintf(s->why.detail + used, sizeof(s->why.detail) - used, "%s", text);
}

/* --- what the server says --- */

/* The next thing that it says about our PUT. An END that is not OK is a failure. */
static bool hear(struct sending *s, struct wherry_client_event *ret)
{
    if (!link_next(s->link, ret, &s->why)) {
        return false;
    }
    if (ret->kind == WHERRY_CLIENT_END && ret->end.result != RES_OK) {
        outcome_set_end(&s->why, &ret->end);
        return false;
    }
    return true;
}

/* Whether we may go on: no END came early, no signal, and the connection stands. */
static bool look(struct sending *s)
{
    struct wherry_client_event e;
    struct outcome ignored;

    if (!link_poll(s->link, &e, &s->why)) {
        return false;
    }
    if (e.kind == WHERRY_CLIENT_END) {
        outcome_set_end(&s->why, &e.end);
        (void)link_poll(s->link, &e, &ignored); /* CANCEL leaves, if it can */
        return false;
    }
    return true;
}

static void on_tick(void *arg, uint64_t now_ns)
{
    struct sending *s = arg;
    uint64_t size = s->source->size;

    meter_tick(&s->meter, s->at - s->offset,
               size == WHERRY_SIZE_UNKNOWN ? PROGRESS_TOTAL_UNKNOWN : size - s->offset, now_ns);
}

/* --- the local file --- */

static enum res add_up(struct sending *s, size_t len)
{
    return s->sum != NULL ? sum_add(s->sum, s->job->buffer, len) : RES_OK;
}

/* The digest of all that was added. */
static bool finish_sum(struct sending *s)
{
    enum res r = RES_OK;

    if (s->sum != NULL) {
        r = sum_final(s->sum, s->sha256);
        sum_free(s->sum);
        s->sum = NULL;
        s->summed = r == RES_OK;
    }
    return r == RES_OK || fail_locally(s, r);
}

/* Reads all of the file for its digest; nothing is outstanding meanwhile. */
static bool sum_before(struct sending *s)
{
    uint64_t at = 0;

    while (at < s->source->size) {
        size_t len = 0;
        enum res r =
            put_source_read(s->source, at, s->job->buffer,
                            (size_t)number_min(PUT_JOB_BUFFER_BYTES, s->source->size - at), &len);

        if (r == RES_OK) {
            r = len == 0 ? RES_CHANGED : add_up(s, len);
        }
        if (r != RES_OK) {
            return fail_locally(s, r);
        }
        if (!look(s)) {
            return false;
        }
        at += len;
    }
    s->announced = true;
    return finish_sum(s);
}

/* A pipe may have nothing for long. A signal ends a poll(2) early; look() knows which it was. */
static bool await_source(struct sending *s)
{
    struct pollfd p = {.fd = s->source->fd, .events = POLLIN};

    while (look(s)) {
        if (s->source->regular || poll(&p, 1, LOOK_EVERY_MS) > 0) {
            return true;
        }
    }
    return false;
}

/* --- the upload --- */

/* Asks, and hears from where to go on. */
static bool begin(struct sending *s, const uint8_t *upload_id)
{
    const struct wherry_message_put m = {
        .size = s->source->size,
        .mode = s->job->call->settings->no_replace ? WHERRY_PUT_CREATE : WHERRY_PUT_REPLACE,
        .path = {.bytes = (const uint8_t *)s->path, .len = strlen(s->path)},
        .sha256 = s->announced ? s->sha256 : NULL,
        .upload_id = upload_id,
    };
    struct wherry_client_event e;
    enum res r =
        wherry_client_exchange_put(link_exchange(s->link), &m, link_now_ns(s->link), &s->request);

    if (r != RES_OK) {
        return fail_to_ask(s, r);
    }
    if (!hear(s, &e)) {
        return false;
    }
    if (e.kind != WHERRY_CLIENT_READY) {
        return fail_to_ask(s, RES_PROTOCOL);
    }
    s->ready = true;
    s->offset = e.ready.offset;
    s->at = e.ready.offset;
    return true;
}

static bool begin_resumable(struct sending *s)
{
    static const uint8_t zeros[WHERRY_UPLOAD_ID_BYTES]; /* "give me one" */
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    const struct client_settings *settings = s->job->call->settings;
    enum res r = put_source_upload_id(s->source, s->job->url, s->path,
                                      settings->no_replace ? WHERRY_PUT_CREATE : WHERRY_PUT_REPLACE,
                                      s->announced ? s->sha256 : NULL, id);

    if (r != RES_OK) {
        return fail_locally(s, r);
    }
    if (begin(s, id)) {
        if (s->offset > 0) {
            console_say(s->job->call->console, CONSOLE_NOTE,
                        "%s: going on at %" PRIu64 " of %" PRIu64 " bytes", s->label, s->offset,
                        s->source->size);
        }
        return true;
    }
    if (s->why.side != OUTCOME_END || s->why.error_code != WHERRY_STATUS_OFFSET) {
        return false;
    }
    console_say(s->job->call->console, CONSOLE_NOTE,
                "%s: what the server kept is of another upload; beginning anew", s->label);
    return begin(s, zeros);
}

static bool send_frame(struct sending *s, size_t len)
{
    struct wherry_client_event e;
    enum res r = wherry_client_exchange_data_begin(link_exchange(s->link), (uint32_t)len,
                                                   link_now_ns(s->link));

    if (r == RES_BUSY || r == RES_CANCELLED) {
        /* The last frame did not leave: there is something to hear. */
        return hear(s, &e) && fail_to_ask(s, RES_SHUTDOWN);
    }
    if (r != RES_OK) {
        return fail_to_ask(s, r);
    }
    if (!link_send(s->link, s->job->buffer, (uint32_t)len, &s->why)) {
        return false;
    }
    s->at += len;
    return true;
}

static bool send_bytes(struct sending *s)
{
    uint64_t most =
        number_min(PUT_JOB_BUFFER_BYTES, wherry_client_exchange_max_frame(link_exchange(s->link)));

    while (s->at < s->source->size) {
        size_t len = 0;
        enum res r;

        if (!await_source(s)) {
            return false;
        }
        r = put_source_read(s->source, s->at, s->job->buffer,
                            (size_t)number_min(most, s->source->size - s->at), &len);
        if (r == RES_LATER) {
            continue;
        }
        if (r == RES_OK && len == 0 && !s->source->regular) {
            break;
        }
        if (r == RES_OK) {
            r = len == 0 ? RES_CHANGED : add_up(s, len);
        }
        if (r != RES_OK) {
            return abandon(s, r);
        }
        if (!send_frame(s, len)) {
            return false;
        }
    }
    return true;
}

/* Our END, and the server's. */
static bool end(struct sending *s)
{
    struct wherry_client_event e;
    enum res r;

    if (!put_source_unchanged(s->source)) {
        return abandon(s, RES_CHANGED);
    }
    if (!finish_sum(s) || !look(s)) {
        return false;
    }
    r = wherry_client_exchange_put_end(link_exchange(s->link),
                                       s->summed && !s->announced ? s->sha256 : NULL,
                                       link_now_ns(s->link));
    if (r == RES_BUSY || r == RES_CANCELLED) {
        return hear(s, &e) && fail_to_ask(s, RES_SHUTDOWN);
    }
    if (r != RES_OK) {
        return fail_to_ask(s, r);
    }
    if (!hear(s, &e)) {
        return false;
    }
    if (s->summed && e.end.sha256 != NULL &&
        memcmp(e.end.sha256, s->sha256, sizeof(s->sha256)) != 0) {
        s->why = (struct outcome){.side = OUTCOME_INTEGRITY, .result = RES_DIGEST};
        (void)snprintf(s->why.detail, sizeof(s->why.detail),
                       "the server stored bytes of another SHA-256");
        return false;
    }
    return true;
}

static bool run(struct sending *s)
{
    const struct client_settings *settings = s->job->call->settings;
    bool well;

    if (settings->verify) {
        enum res r = sum_new(&s->sum);

        if (r != RES_OK) {
            return fail_locally(s, r);
        }
    }
    if (settings->resume && settings->verify && !sum_before(s)) {
        return false;
    }
    /* Not before there is something to send: then the server measures how fast it comes. */
    if (!await_source(s)) {
        return false;
    }
    if (!(settings->resume ? begin_resumable(s) : begin(s, NULL))) {
        return false;
    }
    meter_begin(&s->meter, s->job->call->console, s->label, s->source->fd, link_now_ns(s->link));
    link_tick(s->link, on_tick, s);
    well = send_bytes(s) && end(s);
    link_tick(s->link, NULL, NULL);
    return well;
}

static void say_success(struct sending *s)
{
    struct console *console = s->job->call->console;
    char hex[2 * WHERRY_SHA256_BYTES + 1];

    meter_close(&s->meter, s->at - s->offset, link_now_ns(s->link));
    if (s->summed) {
        (void)hex_print(s->sha256, sizeof(s->sha256), hex);
        console_say(console, CONSOLE_NOTE, "%s: SHA-256 %s", s->label, hex);
    }
}

void send_file(struct put_job *j, const struct put_source *source, const char *path)
{
    struct sending s = {.job = j, .source = source, .path = path};

    if (j->call->settings->resume && !source->regular) {
        put_job_fail(j, EXIT_CODE_USAGE, path,
                     "--resume needs a regular file: what was read of "
                     "a pipe cannot be read again");
        return;
    }
    if (!put_job_reach(j, path)) {
        return;
    }
    s.link = j->remote.link;
    (void)text_quote((const uint8_t *)path, strlen(path), s.label, sizeof(s.label));
    if (run(&s)) {
        say_success(&s);
    } else {
        say_what_is_left(&s);
        put_job_fail_as(j, path, &s.why);
    }
    sum_free(s.sum);
}
