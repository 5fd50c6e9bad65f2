/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/tftp_put.h"

#include <stdlib.h>

#include <wherry/sender.h>

#include "net/udp_out.h"
#include "proto/wire_error.h"

#define BURST_BLOCKS 128u /* read at a time: two messages of the largest number of segments */

struct tftp_put {
    struct wherry_sender *sender;
    struct source *source;
    uint16_t blksize;
    enum res local_failure;
};

static void put_free(void *core)
{
    struct tftp_put *t = core;

    if (t != NULL) {
        wherry_sender_free(t->sender);
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
    t->blksize = params.agreed.blksize;
    r = wherry_sender_new(&t->sender, &params);
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

    t->blksize = agreed->blksize;
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

static uint32_t burst_max(const struct tftp_put *t)
{
    uint32_t blocks = UDP_OUT_BLOCK_BYTES / t->blksize;

    return blocks < BURST_BLOCKS ? blocks : BURST_BLOCKS;
}

static void put_pump(void *core, struct tftp_line *line, uint64_t now_ns)
{
    struct tftp_put *t = core;
    enum res r = RES_OK;
    struct wherry_burst b;

    udp_out_to(line->out, &line->udp);
    while (r == RES_OK && !line->udp.full && wherry_sender_burst(t->sender, burst_max(t), &b)) {
        uint8_t *room = udp_out_room(line->out, (size_t)b.count * b.blksize);
        bool ended = false;

        if (line->udp.full) {
            break; /* to make room filled the socket */
        }
        r = source_burst(t->source, &b, room, &ended);
        if (r != RES_OK) {
            continue;
        }
        if (ended) {
            wherry_sender_length(t->sender, source_length(t->source));
        } else {
            udp_out_data(line->out, line->peer, &b, room, &line->segments);
            wherry_sender_sent(t->sender, b.count, now_ns);
        }
    }
    udp_out_flush(line->out);
    if (r != RES_OK && r != RES_LATER) { /* after RES_LATER ready() comes, and pumps again */
        fail_locally(t, r);
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
