/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/tftp_get.h"

#include <stdlib.h>

#include <wherry/receiver.h>

#include "proto/wire_error.h"

struct tftp_get {
    struct wherry_receiver *receiver;
    struct sink *sink;
    bool gathers;
    bool flush_due;
    bool strict_size;
    struct wherry_agreed agreed;
    bool begun;
    enum res local_failure;
};

enum res tftp_get_new(struct tftp_get **ret, const struct tftp_core_params *p, struct sink *sink,
                      bool gathers, bool strict_size)
{
    struct wherry_receiver_params params = {
        .opening = p->request,
        .opening_len = p->request_len,
        .patience_ns = p->patience_ns,
        .now_ns = p->now_ns,
    };
    struct tftp_get *g = calloc(1, sizeof(*g));
    enum res r;

    if (g == NULL) {
        return RES_NO_MEMORY;
    }
    g->sink = sink;
    g->gathers = gathers;
    g->strict_size = strict_size;
    wherry_agreed_init(&g->agreed);
    params.agreed = g->agreed;
    r = wherry_receiver_new(&g->receiver, &params);
    if (r != RES_OK) {
        free(g);
        return r;
    }
    *ret = g;
    return RES_OK;
}

static void get_free(void *core)
{
    struct tftp_get *g = core;

    if (g != NULL) {
        wherry_receiver_free(g->receiver);
        free(g);
    }
}

static void get_fail(void *core, enum res why, enum wherry_error code, const char *text)
{
    struct tftp_get *g = core;

    wherry_receiver_fail(g->receiver, why, code, text);
}

static void fail_locally(struct tftp_get *g, enum res r)
{
    g->local_failure = r;
    get_fail(g, r, wire_error_code(r), wire_error_text(r));
}

static void get_input(void *core, const struct wherry_packet *p, uint64_t now_ns)
{
    struct tftp_get *g = core;
    struct wherry_piece piece;
    enum res r;

    /* Of any number: blocks of this size come through, if not yet the first. */
    g->begun = g->begun || (p->opcode == WHERRY_DATA && p->block != 0);
    if (wherry_receiver_input(g->receiver, p, now_ns, &piece) != WHERRY_STORE) {
        return;
    }
    r = sink_add(g->sink, piece.block, piece.bytes);
    if (r != RES_OK) {
        fail_locally(g, r);
    } else if (g->gathers && !piece.last && sink_waiting(g->sink) < TFTP_GET_BEHIND_BYTES) {
        wherry_receiver_stored(g->receiver, piece.block, now_ns);
    } else {
        g->flush_due = true;
    }
}

static void get_agree(void *core, const struct wherry_agreed *agreed, uint64_t now_ns)
{
    struct tftp_get *g = core;

    g->agreed = *agreed;
    wherry_receiver_agree(g->receiver, agreed, now_ns);
}

static void get_unreachable(void *core)
{
    struct tftp_get *g = core;

    wherry_receiver_unreachable(g->receiver);
}

static void get_expire(void *core, uint64_t now_ns)
{
    struct tftp_get *g = core;

    wherry_receiver_expire(g->receiver, now_ns);
}

static uint64_t get_deadline(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_deadline(g->receiver);
}

static size_t get_control(void *core, uint8_t *buf, size_t cap, uint64_t now_ns)
{
    struct tftp_get *g = core;

    return wherry_receiver_control(g->receiver, buf, cap, now_ns);
}

static void get_pump(void *core, struct tftp_line *line, uint64_t now_ns)
{
    struct tftp_get *g = core;

    (void)line;
    (void)now_ns;
    if (g->flush_due) {
        g->flush_due = false;
        sink_flush(g->sink);
    }
}

bool tftp_get_size_differs(const struct tftp_get *g, uint64_t *ret_announced)
{
    if (!g->agreed.tsize_known || g->agreed.tsize == wherry_receiver_bytes(g->receiver)) {
        return false;
    }
    *ret_announced = g->agreed.tsize;
    return true;
}

void tftp_get_stored(struct tftp_get *g, enum res r, uint64_t block, uint64_t now_ns)
{
    uint64_t announced;

    if (r != RES_OK) {
        fail_locally(g, r);
        return;
    }
    wherry_receiver_stored(g->receiver, block, now_ns);
    if (wherry_receiver_state(g->receiver) != WHERRY_RECEIVER_COMMITTING) {
        return;
    }
    if (g->strict_size && tftp_get_size_differs(g, &announced)) {
        get_fail(g, RES_CHANGED, WHERRY_ERROR_OTHER, "size differs from tsize");
        return;
    }
    sink_commit(g->sink);
}

void tftp_get_committed(struct tftp_get *g, enum res r, uint64_t now_ns)
{
    if (r != RES_OK) {
        fail_locally(g, r);
        return;
    }
    wherry_receiver_committed(g->receiver, now_ns);
}

/* DALLYING is over for us: the file is there, and a program that people wait for does not stay for
 * a repeated last block. If our last ACK is lost, the kernel answers that block with a port
 * unreachable, which servers take for the end. */
static bool get_over(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_over(g->receiver) ||
           wherry_receiver_state(g->receiver) == WHERRY_RECEIVER_DALLYING;
}

static enum res get_result(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_result(g->receiver);
}

static bool get_begun(const void *core)
{
    const struct tftp_get *g = core;

    return g->begun;
}

static uint32_t get_sends(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_sends(g->receiver);
}

static uint64_t get_bytes(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_bytes(g->receiver);
}

static uint64_t get_resent(const void *core)
{
    const struct tftp_get *g = core;

    return wherry_receiver_resent(g->receiver);
}

static enum res get_local_failure(const void *core)
{
    const struct tftp_get *g = core;

    return g->local_failure;
}

const struct tftp_core_ops tftp_get_ops = {
    .free = get_free,
    .input = get_input,
    .agree = get_agree,
    .unreachable = get_unreachable,
    .fail = get_fail,
    .expire = get_expire,
    .deadline = get_deadline,
    .control = get_control,
    .pump = get_pump,
    .over = get_over,
    .result = get_result,
    .begun = get_begun,
    .sends = get_sends,
    .bytes = get_bytes,
    .resent = get_resent,
    .local_failure = get_local_failure,
};
