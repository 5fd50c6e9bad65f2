/* SPDX-License-Identifier: BSD-2-Clause */
/* client/tftp_core.h: the two directions of a transfer as tftp_side.c sees them: a core of
 * libwherry joined to its file. tftp_get.c puts a receiver before a sink, tftp_put.c a source
 * before a sender. */
#ifndef CLIENT_TFTP_CORE_H
#define CLIENT_TFTP_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#include "net/addr.h"
#include "net/udp_out.h"

/* Where DATA goes. */
struct tftp_line {
    struct udp_out *out; /* WRQ; empty but while pump() runs */
    struct udp_line udp; /* full: the socket takes no more now */
    const struct addr *peer;
    bool segments; /* see udp_out_data() */
};

struct tftp_core_ops {
    void (*free)(void *core);
    void (*input)(void *core, const struct wherry_packet *p, uint64_t now_ns);
    void (*agree)(void *core, const struct wherry_agreed *agreed, uint64_t now_ns);
    void (*unreachable)(void *core);
    void (*fail)(void *core, enum res why, enum wherry_error code, const char *text);
    void (*expire)(void *core, uint64_t now_ns);
    uint64_t (*deadline)(const void *core);
    size_t (*control)(void *core, uint8_t *buf, size_t cap, uint64_t now_ns);
    /* Moves bytes between the core, its file and the line, as far as that goes now. */
    void (*pump)(void *core, struct tftp_line *line, uint64_t now_ns);
    bool (*over)(const void *core);
    enum res (*result)(const void *core);
    bool (*begun)(const void *core);     /* a block has come through */
    uint32_t (*sends)(const void *core); /* of what waits for an answer */
    uint64_t (*bytes)(const void *core); /* that came through */
    uint64_t (*resent)(const void *core);
    /* RES_OK, or what went wrong with the file on this side. */
    enum res (*local_failure)(const void *core);
};

/* What a core is made of. */
struct tftp_core_params {
    const uint8_t *request; /* copied */
    size_t request_len;
    uint64_t patience_ns;
    uint64_t now_ns;
};

#endif
