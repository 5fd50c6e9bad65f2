/* SPDX-License-Identifier: BSD-2-Clause */
/* store/hasher.h: SHA-256 of files, by libcrypto, off the loop.
 *
 * Files are hashed in pieces by a few threads of their own, turn about, so that neither the loop
 * nor a short file waits for a long one. What was found is remembered by the file's validator, if
 * its mtime lay 2 s or more before hashing began (a later write could hide in the same time stamp)
 * and its stat was the same before and after. */
#ifndef STORE_HASHER_H
#define STORE_HASHER_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "io/loop.h"
#include "store/jail.h"
#include "store/policy.h"

#define HASHER_THREADS 2u

struct hasher;
struct hashing; /* one file under way */

struct hasher_answer {
    enum res result; /* RES_CHANGED: the file was changed meanwhile; RES_IO, RES_NOT_FOUND ... */
    uint8_t validator[WHERRY_VALIDATOR_BYTES]; /* these two with RES_OK */
    uint8_t sha256[WHERRY_SHA256_BYTES];
};

/* From the loop, never from inside a call to the hasher; the hashing is gone then. */
typedef void hasher_done(void *owner, const struct hasher_answer *a);

/* jail outlives the hasher; NULL where only descriptors are hashed. remembered: how many sums are
 * kept, the least recently used goes first. */
enum res hasher_new(struct hasher **ret, struct loop *l, const struct jail *jail, unsigned threads,
                    size_t remembered);
void hasher_free(struct hasher *h); /* takes NULL; every hashing must be done or cancelled */

/* name and who as store/exact.h, copied. RES_OK: done() comes. RES_NO_MEMORY. */
enum res hasher_name(struct hasher *h, const char *name, const struct policy_who *who,
                     hasher_done *done, void *owner, struct hashing **ret);
/* Of the whole of an open file, readable through this descriptor (which is duplicated), from its
 * beginning, wherever it stands. Nothing is remembered or asked of memory. */
enum res hasher_fd(struct hasher *h, int fd, hasher_done *done, void *owner, struct hashing **ret);
/* done() will not come. Takes NULL. */
void hashing_cancel(struct hashing *a);

#endif
