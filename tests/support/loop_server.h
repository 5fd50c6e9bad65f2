/* SPDX-License-Identifier: BSD-2-Clause */
/* support/loop_server.h: a server in memory behind the server's side of a connection, for tests
 * that couple both sides back to back through bytes that are cut at random.
 *
 * The first letter of a path says what it makes of it, the number behind it is the file's size:
 *   f all is well    n refused: NOT_FOUND    x ended halfway: CHANGED (GET), NO_SPACE (PUT)
 * A listing holds size entries. What does not come as it has to fails the test (cmocka). */
#ifndef SUPPORT_LOOP_SERVER_H
#define SUPPORT_LOOP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/exchange.h>

#include "support/chance.h"

#define LOOP_PIPE_BYTES 4096u
#define LOOP_PATH_BYTES 24u /* "a" and any number */

struct loop_pipe {
    uint8_t bytes[LOOP_PIPE_BYTES];
    size_t len;
};

struct loop_server {
    struct chance *chance;
    uint64_t now_ns;       /* kept by the caller */
    struct loop_pipe up;   /* to the server */
    struct loop_pipe down; /* from it */
    struct wherry_exchange *exchange;
    const struct wherry_exchange_request *running;
    char path[LOOP_PATH_BYTES]; /* of what runs */
    uint64_t size;
    uint64_t offset;
    uint64_t end;
    bool replied;
    bool put_ended;
    enum res stop; /* RES_OK: not told to */
};

/* max_frame of 64 KiB, all other limits the protocol's. */
void loop_server_init(struct loop_server *s, struct chance *chance);
void loop_server_clear(struct loop_server *s);

/* Turns, to be taken in any order: a bit of what there is to do. */
void loop_server_read(struct loop_server *s);
void loop_server_work(struct loop_server *s);
void loop_server_send(struct loop_server *s);

/* What both ends know: the bytes of files, the names in listings. */
uint8_t loop_server_byte(uint64_t size, uint64_t offset);
void loop_server_name(char name[LOOP_PATH_BYTES], uint64_t number);

/* 1 to most, 0 if there are none. */
size_t loop_some(struct chance *c, size_t most);
/* How many of most bytes a pipe takes this time. */
size_t loop_pipe_room(struct chance *c, const struct loop_pipe *p, size_t most);
void loop_pipe_add(struct loop_pipe *p, const uint8_t *bytes, size_t len);
void loop_pipe_drop(struct loop_pipe *p, size_t len);

#endif
