/* SPDX-License-Identifier: BSD-2-Clause */
/* store/residence.h: bytes of an open file that are in memory, asked of preadv2(RWF_NOWAIT). Where
 * the file system has no answer, tmpfs is read on the spot (it is memory), and no other at all. */
#ifndef STORE_RESIDENCE_H
#define STORE_RESIDENCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum residence {
    RESIDENCE_ASK,    /* RWF_NOWAIT tells what is in memory: so every open file begins */
    RESIDENCE_ALL,    /* no answer, but the file system is memory */
    RESIDENCE_NOTHING /* no answer: only what was read before by a call that may block */
};

/* Like pread(2), with EAGAIN for "not in memory" (or only behind the bytes that it returns). *r is
 * this open file's, and is set once the file system has been found to have no answer. */
ssize_t residence_read(enum residence *r, int fd, uint64_t offset, uint8_t *to, size_t len);

#endif
