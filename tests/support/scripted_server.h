/* SPDX-License-Identifier: BSD-2-Clause */
/* support/scripted_server.h: a TFTP server that does what the test tells it, packet by packet, and
 * the wherry program beside it (support/program.h). Packets are built and read here by hand, so
 * that a fault in the codec does not hide itself. Everything waits on events with a deadline, and
 * everything that does not come as told fails the running test. */
#ifndef SUPPORT_SCRIPTED_SERVER_H
#define SUPPORT_SCRIPTED_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/program.h"

struct scripted {
    int listener; /* requests come here */
    int tid;      /* a socket of its own for each transfer */
    struct program program;
    struct sockaddr_in client; /* where the last request came from */
    uint8_t packet[65536];     /* the last that was taken */
    size_t len;
};

/* cmocka setup and teardown: a scratch directory (support/scratch.h), and a listener on 127.0.0.1.
 * *state becomes the struct. */
int scripted_setup(void **state);
int scripted_teardown(void **state);

/* A request comes, for this name and mode. A transfer of its own (port) begins. */
void scripted_take_request(struct scripted *s, uint16_t opcode, const char *name, const char *mode);
/* What the last request asked of an option, as text; NULL: nothing. */
const char *scripted_asked(const struct scripted *s, const char *option);
/* Nothing waits at the listener. After the program's end. */
void scripted_no_request(struct scripted *s);

/* From the transfer's port to the client. oack: name, value, name, value, ..., NULL. */
void scripted_oack(struct scripted *s, ...);
void scripted_data(struct scripted *s, uint16_t block, const void *bytes, size_t len);
void scripted_ack(struct scripted *s, uint16_t block);
void scripted_error(struct scripted *s, uint16_t code, const char *text);
/* Any bytes, from any socket. */
void scripted_send(struct scripted *s, int fd, const void *bytes, size_t len);
/* A UDP socket at an address of this machine. The caller closes it. */
int scripted_socket(const char *address);

/* What comes to the transfer's port next. */
void scripted_take_ack(struct scripted *s, uint16_t block);
void scripted_take_data(struct scripted *s, uint16_t block, const void *bytes, size_t len);
void scripted_take_error(struct scripted *s, uint16_t code);
/* Packets of this opcode, at least `least` of them, and then an ERROR 0. */
void scripted_take_until_error(struct scripted *s, uint16_t opcode, unsigned least);
/* To another socket. */
void scripted_take_error_at(struct scripted *s, int fd, uint16_t code);
bool scripted_waits_at(int fd);

#endif
