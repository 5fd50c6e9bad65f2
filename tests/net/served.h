/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker that serves a temporary directory on loopback, and clients that speak the protocol byte
 * by byte. Both live on one loop: whoever waits lets the server work. Packets are built here by
 * hand, so that no fault of the codec hides itself. */
#ifndef TESTS_NET_SERVED_H
#define TESTS_NET_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"
#include "net/addr.h"
#include "server/config.h"
#include "server/worker.h"

#define SERVED_LINES 1024
#define RRQ 1
#define WRQ 2
#define DATA 3
#define ACK 4
#define ERROR 5
#define OACK 6

struct served {
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct log log;
    struct transfer_log *transfers;
    struct config config; /* tests change it before they ask */
    struct worker *worker;
    struct loop_timer limit;
    bool late;
    bool drained;
    uint16_t port;
    bool ipv6;
    char root[256]; /* the working directory too */
    char *line[SERVED_LINES];
    size_t lines;
    size_t descriptors; /* open before all this was made */
};

/* cmocka's setup and teardown; the environment's TRANSFER_PORTS=auto|own|shared is the key of that
 * name. *state becomes the struct served. Teardown checks that every
 * descriptor was closed. */
int served_setup(void **state);
int served_teardown(void **state);

/* late becomes true 20 s from now. */
void served_limit(struct served *f);
/* Lets the server work until *what, at most 20 s. */
void served_until(struct served *f, const bool *what);
/* Lets it work off what has been sent to it so far, and what its threads do. */
void served_settle(struct served *f);
/* A line of the transfer log that begins so has come; fails after 20 s. Returns it. */
const char *served_line(struct served *f, const char *beginning);
/* How many have so far. */
size_t served_line_count(const struct served *f, const char *beginning);

/* Files beneath the root. */
void served_file(const struct served *f, const char *name, const void *bytes, size_t len);
/* len bytes of support/pattern.h. */
void served_pattern(const struct served *f, const char *name, size_t len);
bool served_exists(const struct served *f, const char *name);
/* The file's bytes are these. */
void served_expect_file(const struct served *f, const char *name, const void *bytes, size_t len);
/* Entries in the root, hidden ones too. */
size_t served_entries(const struct served *f);
char *served_path(const struct served *f, const char *name, char *buf, size_t cap);

struct client {
    struct served *f;
    int fd;
    struct loop_io io;
    struct addr server; /* where requests go */
    struct addr tid;    /* where the last packet came from */
    uint8_t packet[70000];
    size_t len;
};

/* A client at this address of ours, on a port of its own, that asks the server at the other. */
void client_open(struct client *c, struct served *f, const char *from, const char *to);
/* The same, over 127.0.0.1. */
void client_open_local(struct client *c, struct served *f);
void client_close(struct client *c);

void client_send(struct client *c, const struct addr *to, const void *bytes, size_t len);
/* Options as name, value, ..., NULL. */
void client_ask(struct client *c, int opcode, const char *name, const char *mode, ...);
void client_ack(struct client *c, unsigned block);
void client_data(struct client *c, unsigned block, const void *bytes, size_t len);
void client_error(struct client *c, unsigned code, const char *text);

/* The next packet, whatever it is; fails after 20 s. c->tid becomes its source. */
void client_receive(struct client *c);
/* It is this one, and from the same address and port as the one before. */
void client_expect_data(struct client *c, unsigned block, size_t len);
/* Any block; which one tells client_block(). */
void client_expect_some_data(struct client *c);
unsigned client_block(const struct client *c);
void client_expect_ack(struct client *c, unsigned block);
void client_expect_error(struct client *c, unsigned code);
/* options: "blksize=1024 tsize=5". */
void client_expect_oack(struct client *c, const char *options);
/* The same, from any port: the first answer to a request. */
void client_expect_first_data(struct client *c, unsigned block, size_t len);
void client_expect_first_ack(struct client *c, unsigned block);
void client_expect_first_error(struct client *c, unsigned code);
void client_expect_first_oack(struct client *c, const char *options);
/* Nothing came, and everything that was sent to the server has been looked at. */
void client_expect_silence(struct client *c);
/* The text of the ERROR received last. */
const char *client_text(const struct client *c);

#endif
