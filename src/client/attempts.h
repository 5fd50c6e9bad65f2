/* SPDX-License-Identifier: BSD-2-Clause */
/* client/attempts.h: what to try next when a request did not work. Pure: facts in, plan out.
 *
 *   with options --ERROR 8--> without options
 *   with options --blocks lost--> blksize 8192, 1428, 1024, the next below what was agreed
 *                                 --> without options
 *   any --nobody there--> the next address of the host, from the beginning
 *
 * Each attempt is a new request from a new port, so that a late packet of an earlier one meets an
 * ERROR 5 and nothing else. A transfer of which a block has arrived is never begun anew. */
#ifndef CLIENT_ATTEMPTS_H
#define CLIENT_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum attempt_end {
    ATTEMPT_FINAL,           /* whole, or failed in a way that asking again does not mend */
    ATTEMPT_UNREACHED,       /* never heard, or nobody listens there */
    ATTEMPT_OPTIONS_REFUSED, /* ERROR 8 before the first block (RFC 2347) */
    ATTEMPT_BLOCKS_LOST      /* options were agreed, and then no block ever came through */
};

struct attempts {
    size_t address_count;
    size_t address; /* which one to ask */
    bool first_options;
    uint16_t first_blksize;
    bool options;     /* ask for any */
    uint16_t blksize; /* to ask for; 0: what the route carries */
};

/* blksize 0: what the route carries. */
void attempts_init(struct attempts *a, size_t address_count, bool options, uint16_t blksize);
/* Moves on to the next attempt; false: there is none, the end stands. blksize is what the failed
 * attempt had agreed. */
bool attempts_next(struct attempts *a, enum attempt_end end, uint16_t blksize);

#endif
