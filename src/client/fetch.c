/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/meter.h"
#include "client/stream.h"
#include "client/sum.h"

#define PIECE_BYTES ((size_t)1 << 20) /* read at a time of what was kept */

/* What a request came to. */
enum answer {
    ANSWER_WHOLE,
    ANSWER_FAILED,
    ANSWER_ANEW, /* what is here is of another version: ask for all of it */
    ANSWER_AGAIN /* ask for the rest */
};

struct fetch {
    const struct fetch_params *p;
    struct stream stream;
    struct sum *sum; /* NULL: nobody compares */
    struct meter meter;
    uint64_t offset; /* bytes that are here */
    uint64_t from;   /* where the present request began */
    uint64_t first;  /* where the first did */
    uint64_t size;   /* of the whole, or PROGRESS_TOTAL_UNKNOWN */
    bool version_known;
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
};

static struct link *link_of(const struct fetch *f)
{
    return f->p->remote->link;
}

/* --- what fails --- */

static bool fail_locally(const struct fetch *f, enum res r, struct outcome *why)
{
    *why = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    (void)snprintf(why->detail, sizeof(why->detail), "%s", f->p->local);
    return false;
}

static bool fail_integrity(struct outcome *why, const char *text)
{
    *why = (struct outcome){.side = OUTCOME_INTEGRITY, .result = RES_CHANGED};
    (void)snprintf(why->detail, sizeof(why->detail), "%s", text);
    return false;
}

static bool fail_by_change(struct outcome *why)
{
    return fail_integrity(why,
                          "the file was changed on the server meanwhile; what came is thrown away");
}

/* The server goes on with what was asked; the connection is of use again after its END. */
static void call_off(struct fetch *f, uint32_t request)
{
    struct wherry_client_event event = {.kind = WHERRY_CLIENT_NONE};
    struct link *l = link_of(f);
    struct outcome ignored;

    /* What cannot be called off now is read to its end. */
    (void)wherry_client_exchange_cancel(link_exchange(l), request, link_now_ns(l));
    do {
        if (!link_next(l, &event, &ignored)) {
            return; /* its next user finds out */
        }
    } while (event.kind != WHERRY_CLIENT_END);
}

/* --- bytes --- */

static bool digest(struct fetch *f, const uint8_t *bytes, size_t len, struct outcome *why)
{
    enum res r = f->sum != NULL ? sum_add(f->sum, bytes, len) : RES_OK;

    return r == RES_OK || fail_locally(f, r, why);
}

static bool take_bytes(struct fetch *f, struct wherry_view bytes, struct outcome *why)
{
    enum res r;

    if (!digest(f, bytes.bytes, bytes.len, why)) {
        return false;
    }
    if (f->p->partial != NULL) {
        r = partial_write(f->p->partial, bytes.bytes, bytes.len);
        f->offset = partial_bytes(f->p->partial);
        return r == RES_OK || fail_locally(f, r, why);
    }
    if (!stream_write(&f->stream, link_of(f), bytes.bytes, bytes.len, &f->offset, why)) {
        if (why->side == OUTCOME_LOCAL) {
            (void)snprintf(why->detail, sizeof(why->detail), "%s", f->p->local);
        }
        return false;
    }
    return true;
}

/* It is there, and it is the version that was asked for. */
static bool take_reply(struct fetch *f, const struct wherry_message_get_reply *reply,
                       struct outcome *why)
{
    enum res r;

    f->size = reply->info.size;
    f->version_known = true;
    memcpy(f->validator, reply->info.validator, sizeof(f->validator));
    if (f->from > 0) {
        console_say(f->p->remote->console, CONSOLE_NOTE,
                    "%s: going on at %" PRIu64 " of %" PRIu64 " bytes", f->p->label, f->from,
                    f->size);
    }
    if (f->p->partial == NULL) {
        return true;
    }
    r = partial_begin(f->p->partial, f->validator, f->size);
    return r == RES_OK || fail_locally(f, r, why);
}

static void on_tick(void *arg, uint64_t now_ns)
{
    struct fetch *f = arg;

    meter_tick(&f->meter, f->offset, f->size, now_ns);
}

/* --- GET --- */

static enum answer judge_end(const struct fetch *f, const struct wherry_client_end *end,
                             struct outcome *why)
{
    bool came = f->offset > f->from;
    bool kept = f->p->partial != NULL && f->from > 0;

    if (end->result == RES_OK) {
        return ANSWER_WHOLE;
    }
    if (!came && kept && (end->result == RES_CHANGED || end->result == RES_RANGE)) {
        return ANSWER_ANEW;
    }
    if (end->result == RES_CHANGED) {
        (void)fail_by_change(why);
        return ANSWER_FAILED;
    }
    outcome_set_end(why, end);
    return ANSWER_FAILED;
}

static bool issue(struct fetch *f, uint32_t *request, struct outcome *why)
{
    const struct wherry_message_get get = {
        .offset = f->offset,
        .count = WHERRY_COUNT_ALL,
        .path = f->p->path,
        .if_match = f->version_known ? f->validator : NULL,
    };
    struct link *l;
    enum res r;

    if (!remote_reach(f->p->remote, f->p->url, why)) {
        return false;
    }
    l = link_of(f);
    f->from = f->offset;
    r = wherry_client_exchange_get(link_exchange(l), &get, link_now_ns(l), request);
    if (r != RES_OK) {
        link_explain(l, r, why);
        return false;
    }
    return true;
}

/* The events of one request, to its end. */
static enum answer follow(struct fetch *f, uint32_t request, struct outcome *why)
{
    for (;;) {
        struct wherry_client_event event;
        bool well = true;

        if (!link_next(link_of(f), &event, why)) {
            return ANSWER_FAILED;
        }
        if (event.kind == WHERRY_CLIENT_GET_REPLY) {
            well = take_reply(f, &event.get, why);
        } else if (event.kind == WHERRY_CLIENT_BYTES) {
            well = take_bytes(f, event.bytes.view, why);
        } else if (event.kind == WHERRY_CLIENT_END) {
            return judge_end(f, &event.end, why);
        }
        if (!well) {
            if (why->side == OUTCOME_LOCAL) {
                call_off(f, request);
            }
            return ANSWER_FAILED;
        }
    }
}

static enum answer ask(struct fetch *f, struct outcome *why)
{
    uint32_t request = 0;
    enum answer answer;

    f->stream.held_back = false;
    if (!issue(f, &request, why)) {
        return ANSWER_FAILED;
    }
    link_tick(link_of(f), on_tick, f);
    answer = follow(f, request, why);
    link_tick(link_of(f), NULL, NULL);
    if (answer == ANSWER_FAILED && why->side == OUTCOME_NETWORK && f->stream.held_back &&
        f->offset > f->from) {
        console_say(f->p->remote->console, CONSOLE_NOTE, "%s; asking again for the rest",
                    why->detail);
        return ANSWER_AGAIN;
    }
    return answer;
}

/* --- what was kept, and what is compared --- */

static bool hear_signals(struct fetch *f, struct outcome *why)
{
    struct wherry_client_event event;

    return link_of(f) == NULL || link_poll(link_of(f), &event, why) ||
           why->side != OUTCOME_SIGNAL; /* a connection that was lost is made again */
}

static bool digest_kept(struct fetch *f, struct outcome *why)
{
    uint8_t *buf = malloc(PIECE_BYTES);
    bool well = buf != NULL || fail_locally(f, RES_NO_MEMORY, why);
    uint64_t at = 0;
    size_t len = 0;

    while (well && at < f->offset) {
        enum res r = partial_read(f->p->partial, at, buf, PIECE_BYTES, &len);

        if (r == RES_OK && len == 0) {
            r = RES_CHANGED; /* somebody cut it */
        }
        well = (r == RES_OK || fail_locally(f, r, why)) && digest(f, buf, len, why) &&
               hear_signals(f, why);
        at += len;
    }
    free(buf);
    return well;
}

static bool begin_digest(struct fetch *f, struct outcome *why)
{
    enum res r;

    sum_free(f->sum);
    f->sum = NULL;
    if (!f->p->remote->settings->verify) {
        return true;
    }
    r = sum_new(&f->sum);
    return r == RES_OK || fail_locally(f, r, why);
}

/* From where what was kept ends. */
static bool begin(struct fetch *f, struct outcome *why)
{
    const uint8_t *validator = f->p->partial != NULL ? partial_validator(f->p->partial) : NULL;

    f->size = PROGRESS_TOTAL_UNKNOWN;
    f->offset = 0;
    f->version_known = validator != NULL;
    if (!begin_digest(f, why)) {
        return false;
    }
    if (validator != NULL) {
        memcpy(f->validator, validator, sizeof(f->validator));
        f->offset = partial_bytes(f->p->partial);
        return f->sum == NULL || digest_kept(f, why);
    }
    return true;
}

static bool compare(struct fetch *f, struct outcome *why)
{
    uint8_t here[WHERRY_SHA256_BYTES];
    struct wherry_message_hash_reply there;
    enum res r;

    if (f->sum == NULL) {
        return true;
    }
    r = sum_final(f->sum, here);
    if (r != RES_OK) {
        return fail_locally(f, r, why);
    }
    if (!remote_hash(f->p->remote, f->p->url, f->p->path, &there, why)) {
        return false;
    }
    if (memcmp(there.validator, f->validator, sizeof(f->validator)) != 0) {
        return fail_by_change(why);
    }
    if (memcmp(there.sha256, here, sizeof(here)) != 0) {
        return fail_integrity(why, "what came has another SHA-256 than the file on the server; it "
                                   "is thrown away");
    }
    console_say(f->p->remote->console, CONSOLE_NOTE, "%s: SHA-256 compared, the same", f->p->label);
    return true;
}

/* --- from beginning to end --- */

static bool fetch_all(struct fetch *f, struct outcome *why)
{
    enum answer answer;

    if (!begin(f, why)) {
        return false;
    }
    f->first = f->offset;
    do {
        answer = ask(f, why);
        if (answer == ANSWER_ANEW) {
            console_say(f->p->remote->console, CONSOLE_NOTE,
                        "%s: changed on the server since the earlier try; fetching all of it",
                        f->p->label);
            partial_discard(f->p->partial);
            f->first = 0;
            if (!begin(f, why)) {
                return false;
            }
        }
    } while (answer == ANSWER_ANEW || answer == ANSWER_AGAIN);
    return answer == ANSWER_WHOLE && compare(f, why);
}

static bool commit(struct fetch *f, struct outcome *why)
{
    enum res r = f->p->partial != NULL ? partial_commit(f->p->partial) : RES_OK;

    return r == RES_OK || fail_locally(f, r, why);
}

/* What came is good as far as it goes, and another try may bring the rest. */
static bool worth_keeping(const struct fetch *f, const struct outcome *why)
{
    switch (why->side) {
    case OUTCOME_NETWORK:
        return true;
    case OUTCOME_SIGNAL:
    case OUTCOME_LOCAL: /* the disk was full, for one */
        return f->p->remote->settings->resume;
    case OUTCOME_END: /* not IO: then the rest of a frame is zeros */
        return why->result == RES_SHUTDOWN || why->result == RES_TIMEOUT ||
               why->result == RES_CANCELLED || why->result == RES_BUSY;
    default:
        return false;
    }
}

static uint64_t settle(struct fetch *f, const struct outcome *why)
{
    struct partial *partial = f->p->partial;
    uint64_t bytes;

    if (partial == NULL || partial_validator(partial) == NULL) {
        return 0;
    }
    bytes = partial_bytes(partial);
    if (worth_keeping(f, why)) {
        return partial_keep(partial) ? bytes : 0;
    }
    if (partial_begun(partial)) {
        partial_discard(partial);
    }
    return 0;
}

bool fetch_file(const struct fetch_params *p, struct outcome *why, uint64_t *kept)
{
    struct fetch f = {.p = p};
    bool well;

    *kept = 0;
    if (p->partial == NULL) {
        stream_open(&f.stream, p->fd);
    }
    well = remote_reach(p->remote, p->url, why);
    if (well) {
        meter_begin(&f.meter, p->remote->console, p->label, p->partial != NULL ? -1 : p->fd,
                    link_now_ns(link_of(&f)));
        well = fetch_all(&f, why) && commit(&f, why);
    }
    if (well) {
        meter_close(&f.meter, f.offset - f.first, link_now_ns(link_of(&f)));
    } else {
        console_wipe(p->remote->console);
        *kept = settle(&f, why);
    }
    stream_close(&f.stream);
    sum_free(f.sum);
    return well;
}
