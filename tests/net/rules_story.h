/* SPDX-License-Identifier: BSD-2-Clause */
/* net/rules_story.h: a running wherryd with rules of the policy, both doors open, and clients that
 * ask from one address or another. Its root holds pub/image, secret/key, backup/old, and links from
 * pub into secret. */
#ifndef TESTS_RULES_STORY_H
#define TESTS_RULES_STORY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <wherry/message.h>

#include "net/server_process.h"
#include "net/wire_client.h"

#define RULES_PATH_BYTES 256

/* Statuses of the file protocol, and what stands for an ERROR of TFTP. */
enum { RULES_OK = 0, RULES_NOT_FOUND = 2, RULES_DENIED = 3, RULES_EXISTS = 5 };

struct rules_story {
    struct server_process server;
    char dir[RULES_PATH_BYTES]; /* of the configuration */
    char config[RULES_PATH_BYTES + 16];
};

/* cmocka fixtures. */
int rules_setup(void **state);
int rules_teardown(void **state);

void rules_start(struct rules_story *f, const char *config);
void rules_write_text(const char *path, const char *text);
/* A file of conf.d. */
void rules_write_dir(const struct rules_story *f, const char *name, const char *text);
/* SIGHUP, and waits until the log says this. */
void rules_reload(struct rules_story *f, const char *said);
bool rules_exists(const struct rules_story *f, const char *name); /* in the root */

/* TFTP, a packet at a time: a socket of this address; a request; the next datagram that is an ERROR
 * or not of this block. */
int rules_open_from(const char *from);
void rules_ask(int fd, const struct rules_story *f, uint8_t opcode, const char *name);
void rules_take(int fd, uint8_t buf[1024], struct sockaddr_in *from, unsigned not_block);
void rules_ack(int fd, const struct sockaddr_in *to, uint8_t block);
/* A whole transfer: of a file of two blocks, of a file of one byte. */
unsigned rules_tftp_get(const struct rules_story *f, const char *from, const char *name);
unsigned rules_tftp_put(const struct rules_story *f, const char *from, const char *name);
/* Over TCP, of a file of one byte. */
unsigned rules_tcp_put(struct wire *w, const char *name, enum wherry_put_mode mode);

#endif
