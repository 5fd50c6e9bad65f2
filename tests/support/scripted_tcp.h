/* SPDX-License-Identifier: BSD-2-Clause */
/* support/scripted_tcp.h: a server of the file protocol that does what the test tells it, frame by
 * frame, and the wherry program beside it (support/program.h). Frames are built and read here by
 * hand, so that a fault in the codec does not hide itself. Everything waits on events with a
 * deadline, and everything that does not come as told fails the running test. */
#ifndef SUPPORT_SCRIPTED_TCP_H
#define SUPPORT_SCRIPTED_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/program.h"

#define SCRIPTED_TCP_FILE 1
#define SCRIPTED_TCP_DIRECTORY 2
#define SCRIPTED_TCP_MAX_FRAME 1048576u /* what its HELLO says */
#define SCRIPTED_TCP_UNKNOWN UINT64_MAX

enum scripted_tcp_type {
    TCP_HELLO = 0x01,
    TCP_LIST = 0x02,
    TCP_STAT = 0x03,
    TCP_GET = 0x04,
    TCP_PUT = 0x05,
    TCP_DATA = 0x06,
    TCP_END = 0x07,
    TCP_CANCEL = 0x08,
    TCP_PING = 0x09,
    TCP_HASH = 0x0a,
    TCP_MKDIR = 0x0b,
    TCP_HELLO_REPLY = 0x81,
    TCP_ENTRIES = 0x82,
    TCP_INFO = 0x83,
    TCP_GET_REPLY = 0x84,
    TCP_READY = 0x85,
    TCP_END_REPLY = 0x87,
    TCP_PING_REPLY = 0x89,
    TCP_HASH_REPLY = 0x8a,
    TCP_GOAWAY = 0x8f
};

struct scripted_tcp {
    struct program program;
    int listener;
    int fd;      /* the connection; -1: none */
    uint32_t id; /* of the last request that was taken */
    uint8_t type;
    uint8_t *frame; /* payload of the last frame that was taken */
    size_t len;
};

/* cmocka setup and teardown: a scratch directory, and a listener on 127.0.0.1. */
int scripted_tcp_setup(void **state);
int scripted_tcp_teardown(void **state);

/* A connection comes; what was there is closed. */
void scripted_tcp_accept(struct scripted_tcp *s);
/* The same, with HELLO taken and answered. */
void scripted_tcp_greet(struct scripted_tcp *s);
/* Closes it in good order, or with a reset. */
void scripted_tcp_close(struct scripted_tcp *s);
void scripted_tcp_reset(struct scripted_tcp *s);
/* The program closes the connection and says nothing more before. */
void scripted_tcp_gone(struct scripted_tcp *s);
/* No connection waits. After the program's end. */
void scripted_tcp_no_connection(struct scripted_tcp *s);

/* The next frame is of this type; its payload is in s->frame. A request's id becomes s->id, any
 * other frame's has to be that or 0. PINGs are passed over. */
void scripted_tcp_take(struct scripted_tcp *s, enum scripted_tcp_type type);
/* STAT, HASH, MKDIR. */
void scripted_tcp_take_path(struct scripted_tcp *s, enum scripted_tcp_type type, const char *path);
void scripted_tcp_take_list(struct scripted_tcp *s, const char *path, const char *after);
/* if_match: the first byte of all 16 of the validator; -1: none. */
void scripted_tcp_take_get(struct scripted_tcp *s, const char *path, uint64_t offset,
                           uint64_t count, int if_match);
/* mode: with 0x80 for fsync. Its tags: scripted_tcp_tag(). */
void scripted_tcp_take_put(struct scripted_tcp *s, const char *path, uint64_t size, uint8_t mode);
/* DATA frames that together are exactly this. */
void scripted_tcp_take_data(struct scripted_tcp *s, const void *bytes, size_t len);
/* A tagged value of the last PUT or END that was taken: sha256 (1), validator (2), upload id (3);
 * NULL: it has none. */
const uint8_t *scripted_tcp_tag(const struct scripted_tcp *s, uint8_t tag);

/* Raw bytes; a frame of any kind. */
void scripted_tcp_send(struct scripted_tcp *s, const void *bytes, size_t len);
void scripted_tcp_frame(struct scripted_tcp *s, enum scripted_tcp_type type, uint16_t status,
                        uint32_t id, const void *payload, size_t len);
/* Replies to the last request. Validators, upload ids and digests are one byte, repeated. */
void scripted_tcp_hello_reply(struct scripted_tcp *s);
void scripted_tcp_end(struct scripted_tcp *s, uint16_t status, const char *text);
/* sha256 and validator: -1 leaves the tag out. */
void scripted_tcp_end_with(struct scripted_tcp *s, uint16_t status, const char *text,
                           const uint8_t *sha256, int validator);
void scripted_tcp_entry(struct scripted_tcp *s, uint8_t kind, uint64_t size, uint64_t mtime_ns,
                        const char *name);
void scripted_tcp_info(struct scripted_tcp *s, uint8_t kind, uint64_t size, uint64_t mtime_ns,
                       uint8_t validator);
void scripted_tcp_get_reply(struct scripted_tcp *s, uint64_t size, uint64_t offset, uint64_t count,
                            uint8_t validator);
void scripted_tcp_data(struct scripted_tcp *s, const void *bytes, size_t len);
void scripted_tcp_ready(struct scripted_tcp *s, uint64_t offset, uint8_t upload_id);
void scripted_tcp_hash_reply(struct scripted_tcp *s, uint8_t validator, const uint8_t *sha256);
void scripted_tcp_goaway(struct scripted_tcp *s, uint16_t status, const char *text,
                         uint32_t retry_after_s);

#endif
