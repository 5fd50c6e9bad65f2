/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/tftp_put.h"

#include <stdlib.h>

#include <wherry/sender.h>

#include "net/udp.h"
#include "proto/wire_error.h"

#define BURST_BYTES (256u * 1024) /* read and sent at a time; one block always fits */

struct tftp_put {
    struct wherry_sender *sender;
    struct source *source;
    enum res local_failure;
    uint32_t burst_max; /* blocks that `room` holds */
    uint8_t *room;
};

/* Room for bursts of this block size. */
static enum res make_room(struct tftp_put *t, uint16_t blksize)
{
    uint32_t blocks = BURST_BYTES / blksize;
    uint8_t *room;

    blocks = blocks > UDP_SEND_MAX ? UDP_SEND_MAX : blocks;
    room = realloc(t->room, (size_t)blocks * blksize);
    if (room == NULL) {
        return RES_NO_MEMORY;
    }
    t->room = room;
    t->burst_max = blocks;
    return RES_OK;
}

static void put_free(void *core)
{
    struct tftp_put *t = core;

    if (t != NULL) {
        wherry_sender_free(t->sender);
        free(t->room);
        free(t);
    }
}

enum res tftp_put_new(struct tftp_put **ret, const struct tftp_core_params *p,
                      struct source *source)
{
    struct wherry_sender_params params = {
        .opening = p->request,
        .opening_len = p->request_len,
        .length = source_length(source),
        .patience_ns = p->patience_ns,
        .last_ack_optional = false,
        .now_ns = p->now_ns,
    };
    struct tftp_put *t = calloc(1, sizeof(*t));
    enum res r;

    if (t == NULL) {
        return RES_NO_MEMORY;
    }
    t->source = source;
    wherry_agreed_init(&params.agreed);
    r = make_room(t, params.agreed.blksize);
    if (r == RES_OK) {
        r = wherry_sender_new(&t->sender, &params);
    }
    if (r != RES_OK) {
        put_free(t);
        return r;
    }
    *ret = t;
    return RES_OK;
}

static void put_fail(void *core, enum res why, enum wherry_error code, const char *text)
{
    struct tftp_put *t = core;

    wherry_sender_fail(t->sender, why, code, text);
}

static void fail_locally(struct tftp_put *t, enum res r)
{
    t->local_failure = r;
    put_fail(t, r, wire_error_code(r), wire_error_text(r));
}

static void put_input(void *core, const struct wherry_packet *p, uint64_t now_ns)
{
    struct tftp_put *t = core;

    wherry_sender_input(t->sender, p, now_ns);
}

static void put_agree(void *core, const struct wherry_agreed *agreed, uint64_t now_ns)
{
    struct tftp_put *t = core;
    enum res r = make_room(t, agreed->blksize);

    if (r != RES_OK) {
        fail_locally(t, r);
        return;
    }
    wherry_sender_agree(t->sender, agreed, now_ns);
}

static void put_unreachable(void *core)
{
    struct tftp_put *t = core;

    wherry_sender_unreachable(t->sender);
}

static void put_expire(void *core, uint64_t now_ns)
{
    struct tftp_put *t = core;

    wherry_sender_expire(t->sender, now_ns);
}

static uint64_t put_deadline(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_deadline(t->sender);
}

static size_t put_control(void *core, uint8_t *buf, size_t cap, uint64_t now_ns)
{
    struct tftp_put *t = core;

    return wherry_sender_control(t->sender, buf, cap, now_ns);
}

/* Blocks of the burst that lie in `room`. Returns what udp_send_data() does. */
static int send_burst(const struct tftp_put *t, const struct wherry_burst *b,
                      const struct tftp_line *line)
{
    struct udp_data data[UDP_SEND_MAX];

    for (uint32_t i = 0; i < b->count; i++) {
        wherry_burst_header(b, i, data[i].header);
        data[i].bytes = t->room + (size_t)i * b->blksize;
        data[i].len = i + 1 == b->count ? b->last_len : b->blksize;
    }
    return udp_send_data(line->fd, line->peer, data, b->count);
}

static void put_pump(void *core, struct tftp_line *line, uint64_t now_ns)
{
    struct tftp_put *t = core;
    struct wherry_burst burst;

    line->full = false;
    while (wherry_sender_burst(t->sender, t->burst_max, &burst)) {
        bool ended = false;
        enum res r = source_burst(t->source, &burst, t->room, &ended);
        int n;

        if (r == RES_LATER) {
            return; /* ready() comes, and pumps again */
        }
        if (r != RES_OK) {
            fail_locally(t, r);
            return;
        }
        if (ended) {
            wherry_sender_length(t->sender, source_length(t->source));
            continue;
        }
        n = send_burst(t, &burst, line);
        if (n == -1) {
            /* A packet that this machine will not send: to us it is a lost one. */
            wherry_sender_sent(t->sender, burst.count, now_ns);
            continue;
        }
        wherry_sender_sent(t->sender, (uint32_t)n, now_ns);
        if ((uint32_t)n < burst.count) {
            line->full = true;
            return;
        }
    }
}

static bool put_over(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_over(t->sender);
}

static enum res put_result(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_result(t->sender);
}

static bool put_begun(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_acked_blocks(t->sender) > 0;
}

static uint32_t put_sends(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_sends(t->sender);
}

static uint64_t put_bytes(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_acked_bytes(t->sender);
}

static uint64_t put_resent(const void *core)
{
    const struct tftp_put *t = core;

    return wherry_sender_resent(t->sender);
}

static enum res put_local_failure(const void *core)
{
    const struct tftp_put *t = core;

    return t->local_failure;
}

const struct tftp_core_ops tftp_put_ops = {
    .free = put_free,
    .input = put_input,
    .agree = put_agree,
    .unreachable = put_unreachable,
    .fail = put_fail,
    .expire = put_expire,
    .deadline = put_deadline,
    .control = put_control,
    .pump = put_pump,
    .over = put_over,
    .result = put_result,
    .begun = put_begun,
    .sends = put_sends,
    .bytes = put_bytes,
    .resent = put_resent,
    .local_failure = put_local_failure,
};
