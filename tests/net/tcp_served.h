/* SPDX-License-Identifier: BSD-2-Clause */
/* net/tcp_served.h: connections of the file protocol to a temporary directory, and clients that
 * speak it byte by byte. Both live on one loop: whoever waits lets the server work, at most 20 s.
 * Headers are built and read here by hand, so that no fault of the codec hides itself; payloads are
 * for the tests, by hand or by wherry_message_parse_*(). The door is not there: each connection is
 * given to a session at once. */
#ifndef TESTS_NET_TCP_SERVED_H
#define TESTS_NET_TCP_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/message.h>

#include "io/loop.h"
#include "server/config.h"
#include "server/tcp_session.h"
#include "store/upload.h"
#include "support/log_lines.h"

struct tcp_served {
    struct loop *loop;
    struct log_lines lines;
    struct log log;
    struct config config;         /* tests change it before they connect */
    struct uploads_limits limits; /* and then call uploads_limit(f->room.uploads, &f->limits) */
    struct jail *jail;
    struct tcp_room room;
    int listener;
    struct loop_io accepting;
    size_t accepted; /* so far */
    struct loop_timer limit;
    bool late;
    uint16_t port;
    size_t descriptors; /* open before all this was made */
};

/* cmocka's setup and teardown; *state becomes the struct tcp_served. The working directory is the
 * one that is served. Teardown closes what connections are left, and checks that every descriptor
 * was closed. */
int tcp_served_setup(void **state);
int tcp_served_teardown(void **state);

/* late becomes true 20 s from now; each wait begins with it. */
void tcp_served_limit(struct tcp_served *f);
/* Waits for one event, which has to come before the limit. */
void tcp_served_turn(struct tcp_served *f);
/* Works off what has come to the server so far, and what its threads do. */
void tcp_served_settle(struct tcp_served *f);
/* Waits until so many connections are there. */
void tcp_served_connections(struct tcp_served *f, size_t count);
/* A line of the log that begins so. */
const char *tcp_served_line(struct tcp_served *f, const char *beginning);
size_t tcp_served_line_count(const struct tcp_served *f, const char *beginning);
/* A file of len bytes of support/pattern.h. */
void tcp_served_pattern(const char *name, size_t len);
/* The file holds len bytes of support/pattern.h. */
void tcp_served_holds_pattern(const char *name, size_t len);

struct tcp_client {
    struct tcp_served *f;
    int fd;
    struct loop_io io;
    /* The frame received last. */
    struct wherry_frame frame;
    struct wherry_view payload;
    /* Received: what it is a part of, and what comes behind it. */
    uint8_t *bytes;
    size_t used, len, cap;
};

/* Connected, and a session was made for it; nothing was said. */
void tcp_client_open(struct tcp_client *c, struct tcp_served *f);
/* The same, and HELLO was said and answered. */
void tcp_client_greet(struct tcp_client *c, struct tcp_served *f);
/* The session that was made last, for looking into it. */
struct tcp_session *tcp_served_newest(const struct tcp_served *f);
void tcp_client_close(struct tcp_client *c);
/* Takes the connection down with a reset. */
void tcp_client_reset(struct tcp_client *c);
/* Sends nothing more. */
void tcp_client_shut(struct tcp_client *c);

/* Sends all of it, and lets the server work while that takes. */
void tcp_client_send(struct tcp_client *c, const void *bytes, size_t len);
/* As much of it as the kernel takes at once; the server does nothing meanwhile. */
size_t tcp_client_try(struct tcp_client *c, const void *bytes, size_t len);
/* A frame; a payload may be NULL with len 0. */
void tcp_client_frame(struct tcp_client *c, uint8_t type, uint32_t id, const void *payload,
                      size_t len);
void tcp_client_hello(struct tcp_client *c);
/* STAT, HASH, MKDIR. */
void tcp_client_path(struct tcp_client *c, uint8_t type, uint32_t id, const char *path);
void tcp_client_list(struct tcp_client *c, uint32_t id, const char *path, const char *after);
/* if_match: a validator, or NULL. */
void tcp_client_get(struct tcp_client *c, uint32_t id, const char *path, uint64_t offset,
                    uint64_t count, const uint8_t *if_match);
/* mode as on the wire (1 create, 2 replace, +0x80 fsync); sha256 and upload_id may be NULL. */
void tcp_client_put(struct tcp_client *c, uint32_t id, const char *path, uint64_t size,
                    uint8_t mode, const uint8_t *sha256, const uint8_t *upload_id);
/* DATA of support/pattern.h, as a file has it there. */
void tcp_client_data(struct tcp_client *c, uint32_t id, uint64_t offset, size_t len);
/* END of a PUT; sha256 may be NULL. */
void tcp_client_end(struct tcp_client *c, uint32_t id, const uint8_t *sha256);

/* Receives what has come, at most so many bytes, for the calls below; nobody waits. False: nothing
 * has. */
bool tcp_client_take(struct tcp_client *c, size_t most);
/* The next frame, whatever it is. */
void tcp_client_receive(struct tcp_client *c);
/* It has this type and id, and the status 0. */
void tcp_client_expect(struct tcp_client *c, uint8_t type, uint32_t id);
/* It is the server's END of this id. */
void tcp_client_expect_end(struct tcp_client *c, uint32_t id, enum wherry_status status);
/* GOAWAY with this status. */
void tcp_client_expect_goaway(struct tcp_client *c, enum wherry_status status);
/* The reply of a GET that gives count bytes from offset on, DATA that add up to them and are those
 * of support/pattern.h, and END OK. */
void tcp_client_expect_body(struct tcp_client *c, uint32_t id, uint64_t offset, uint64_t count);
/* READY of this PUT; the id goes to ret_upload_id, if not NULL. */
void tcp_client_expect_ready(struct tcp_client *c, uint32_t id, uint64_t offset,
                             uint8_t *ret_upload_id);
/* The server has shut its side, in good order, and has said nothing before. */
void tcp_client_expect_shut(struct tcp_client *c);
/* Nothing came, and everything that was sent to the server has been looked at. */
void tcp_client_expect_silence(struct tcp_client *c);

#endif
