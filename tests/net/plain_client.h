/* SPDX-License-Identifier: BSD-2-Clause */
/* net/plain_client.h: a TFTP client without options, a packet at a time. It reads a file of
 * PLAIN_FILE_BYTES of support/pattern.h, which is called "file" and takes two blocks. What is
 * expected and does not come fails the test. */
#ifndef TESTS_PLAIN_CLIENT_H
#define TESTS_PLAIN_CLIENT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define PLAIN_FILE_BYTES 600u
#define PLAIN_BLKSIZE 512u

struct plain_client {
    int fd;
    struct sockaddr_in from; /* of the last packet */
    uint8_t packet[4 + PLAIN_BLKSIZE];
    size_t len;
};

void plain_open(struct plain_client *c); /* close(c->fd) is all it takes to end */
void plain_send(const struct plain_client *c, const struct sockaddr_in *to, const void *bytes,
                size_t len);
/* opcode 1: read, 2: write. */
void plain_ask(const struct plain_client *c, const struct sockaddr_in *to, char opcode,
               const char *name);
/* What comes next; DATA from before that is sent again, as time passes, is passed over. */
void plain_take(struct plain_client *c, uint8_t opcode, uint8_t number);
void plain_ack(const struct plain_client *c, uint8_t block);
/* Acknowledges the first block, takes the second and acknowledges that. */
void plain_finish_read(struct plain_client *c);
/* All of it, by a client of its own. */
void plain_read_all(const struct sockaddr_in *to);

#endif
