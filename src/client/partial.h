/* SPDX-License-Identifier: BSD-2-Clause */
/* client/partial.h: the local file that a download over the file protocol goes to until it is
 * whole, and what is kept of one that was broken off.
 *
 *   partial_new() --> partial_begin() --partial_write()*--> partial_commit()  it has the name
 *                                                       \-> partial_keep()    it waits for --resume
 *                                                       \-> partial_discard() it is gone
 *
 * What is kept lies in the target's directory under the name
 *
 *   .wherry- 16 hex digits - 32 hex digits
 *
 * the first being of a hash of the target's name and the URL, the second the validator of the
 * version that the bytes are of. It is locked (flock) as long as a process works on it. Only what
 * is a regular file of one name and our own is ever taken for one. */
#ifndef CLIENT_PARTIAL_H
#define CLIENT_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <wherry/message.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#include "client/url.h"
#include "store/jail.h"

struct partial;

struct partial_params {
    const struct jail_target *target; /* its directory stays the caller's, open as long as this */
    const struct url *url;            /* its host and port, */
    struct wherry_view path;          /* and which file of it */
    bool replace;                     /* the target may exist */
    mode_t mode;                      /* of a new file, umask already applied */
    bool resume; /* goes on with what was kept; what begins has its name from the beginning, so that
                    it outlives us */
    bool none_kept; /* the caller has looked (partial_any_kept()): nobody needs to look again */
};

/* Whether the directory holds any file that was kept, of whatever download. When in doubt: yes. */
bool partial_any_kept(int dir_fd);

/* RES_EXISTS, RES_DENIED: the target may not be written to. */
enum res partial_new(struct partial **ret, const struct partial_params *p);
/* What was neither committed nor kept is gone; what was found and not begun stays. Takes NULL. */
void partial_free(struct partial *f);

/* What there is: bytes, and of which version; NULL: nothing. */
uint64_t partial_bytes(const struct partial *f);
const uint8_t *partial_validator(const struct partial *f);
/* Reads it, for a digest of what was kept. *ret_len is 0 at its end. */
enum res partial_read(const struct partial *f, uint64_t offset, uint8_t *buf, size_t cap,
                      size_t *ret_len);

/* Bytes of this version of a file of that size come, from partial_bytes() on. */
enum res partial_begin(struct partial *f, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                       uint64_t size);
bool partial_begun(const struct partial *f);
enum res partial_write(struct partial *f, const uint8_t *bytes, size_t len);
/* The target's name leads to it, and what was kept of other tries is gone. */
enum res partial_commit(struct partial *f);
/* For another time. False: there is nothing to keep, or no way to. */
bool partial_keep(struct partial *f);
/* It is gone; another may begin, from 0 on. */
void partial_discard(struct partial *f);

#endif
