/* SPDX-License-Identifier: BSD-2-Clause */
/* server/transfer_log.h: one line for each request.
 *
 *   done op=read peer=192.0.2.7:2071 name="boot/zImage" mode=octet blksize=1468 windowsize=4
 *   bytes=8123904 secs=1.2 resent=3
 *
 *   reason="no such file"  error=0 text="the peer's words"  times=12
 *
 * Of the file protocol, where op may also be list, stat, hash or mkdir:
 *
 *   done op=read via=wherry peer=192.0.2.7:2071 name="boot/zImage" offset=0 bytes=8123904 secs=1.2
 *
 *   status=2 reason="no such file"  times=12
 *
 * (one line in the log; of the last rows only what applies). secs has one decimal, below one second
 * three. Repeated `missing` of one peer's address and name within 10 s are summed: the first is a
 * line at once, the rest one line with times=N when the 10 s are over.
 *
 * Each worker has a log of its own; those that belong together share the sums, under a lock that
 * only `missing` takes, and are counted together by whoever wants to know. */
#ifndef SERVER_TRANSFER_LOG_H
#define SERVER_TRANSFER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "base/log.h"
#include "base/number.h"
#include "io/loop.h"
#include "net/addr.h"

#define TRANSFER_LOG_HOLD_NS (10 * NUMBER_SECOND)
#define TRANSFER_LOG_PAIRS 1024

enum outcome {
    OUTCOME_DONE,
    OUTCOME_PROBE,   /* asked for the size, then ERROR 0 or 8 before any DATA was acknowledged */
    OUTCOME_MISSING, /* no such file */
    OUTCOME_REFUSED, /* policy, permissions, names, malformed requests */
    OUTCOME_ABORTED, /* the peer sent ERROR or CANCEL, or it is gone */
    OUTCOME_TIMEOUT, /* the peer was silent */
    OUTCOME_FAILED   /* our side: disk, memory, file changed, shutdown */
};

#define OUTCOME_COUNT (OUTCOME_FAILED + 1)
/* The first word of its lines. */
const char *outcome_word(enum outcome o);

/* How a request ended that ended so. Never OUTCOME_PROBE. */
enum outcome transfer_log_outcome(enum res r);

struct transfer_record {
    enum outcome outcome;
    bool write; /* op=write, of TFTP */
    /* The file protocol: "read", "write", "list" ... From mode to resent and the peer's ERROR only
     * bytes and duration_ns count then. NULL: TFTP, where offset and status do not. */
    const char *op;
    uint64_t offset; /* in the file, of the first byte that was asked for, or taken */
    uint16_t status; /* of the END; 0: OK, or none was sent */
    struct addr peer;
    struct wherry_view name; /* as asked, untrusted */
    enum wherry_mode mode;
    uint16_t blksize;
    uint16_t windowsize;
    uint64_t bytes;
    uint64_t duration_ns;
    uint64_t resent;
    /* Why, for all but done: a short text of ours, or NULL. */
    const char *reason;
    /* The peer's ERROR, for aborted and probe: text untrusted, may be empty. */
    bool peer_error;
    uint16_t peer_code;
    struct wherry_view peer_text;
};

/* What was recorded since the start, at every level of the log. */
struct transfer_counts {
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t bytes;
};

struct transfer_log;

enum res transfer_log_new(struct transfer_log **ret, struct loop *l, const struct log *log);
/* One that sums up with `first`, which outlives it. log and l: its own. */
enum res transfer_log_new_beside(struct transfer_log **ret, struct transfer_log *first,
                                 struct loop *l, const struct log *log);
/* The last one writes the sums that are due. Takes NULL. */
void transfer_log_free(struct transfer_log *t);
/* done, probe, missing: info. refused, aborted, timeout: warning. failed: error. */
void transfer_log_record(struct transfer_log *t, const struct transfer_record *r);
/* Adds this log's counts to *ret. From any thread. */
void transfer_log_count(const struct transfer_log *t, struct transfer_counts *ret);
/* How long repeats are held back (TRANSFER_LOG_HOLD_NS) and of how many pairs of address and name
 * (TRANSFER_LOG_PAIRS, at least 1; then the oldest goes out early). For those that begin later. */
void transfer_log_hold(struct transfer_log *t, uint64_t hold_ns, size_t pairs);

#endif
