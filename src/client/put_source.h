/* SPDX-License-Identifier: BSD-2-Clause */
/* client/put_source.h: the local side of an upload over the file protocol: what is read, how long
 * it is, and whether it stayed what it was. */
#ifndef CLIENT_PUT_SOURCE_H
#define CLIENT_PUT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "client/url.h"

struct put_source {
    int fd;           /* stays the caller's */
    const char *text; /* for messages: the path, or "standard input" */
    bool regular;     /* a file of a known size; else it is read once, to its end */
    uint64_t start;   /* of its first byte; standard input may have been read before */
    uint64_t size;    /* from there; WHERRY_SIZE_UNKNOWN unless regular */
    struct stat st;
};

/* From where the descriptor stands. RES_IS_DIR; or what fstat(2) says. */
enum res put_source_init(struct put_source *s, int fd, const char *text);
/* Up to cap bytes: all of them, or up to its end, if it is regular; else what is here.
 * *ret_len is 0 at its end. RES_LATER: nothing is here. */
enum res put_source_read(const struct put_source *s, uint64_t offset, uint8_t *buf, size_t cap,
                         size_t *ret_len);
/* Regular: size and time are those of the beginning. */
bool put_source_unchanged(const struct put_source *s);

/* By which a later upload of the same file, unchanged, to the same place in the same way finds what
 * the server kept of this one. sha256: that was announced, or NULL. RES_NO_MEMORY. */
enum res put_source_upload_id(const struct put_source *s, const struct url *url, const char *path,
                              enum wherry_put_mode mode, const uint8_t *sha256,
                              uint8_t ret[WHERRY_UPLOAD_ID_BYTES]);

#endif
