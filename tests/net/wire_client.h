/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_client.h: a client of the file protocol for tests against a running server, with blocking
 * calls that fail the test after 20 s. Headers are taken apart here by hand, so that no fault of
 * the decoder hides itself. */
#ifndef TESTS_WIRE_CLIENT_H
#define TESTS_WIRE_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>

#define WIRE_TEXT_BYTES 256
#define WIRE_WAIT_MS 20000

struct wire {
    int fd;
    uint32_t id; /* of the last request */
    /* The frame that was read last. */
    uint32_t length;
    uint8_t type;
    uint16_t status;
    uint32_t frame_id;
    uint8_t payload[1u << 16]; /* its beginning */
};

/* from: "127.1.2.3", an address of ours. HELLO is sent; its answer is passed over later. */
void wire_open(struct wire *w, const char *from, const struct sockaddr_in *to);
/* Connected, nothing sent. */
void wire_open_silent(struct wire *w, const char *from, const struct sockaddr_in *to);
void wire_close(struct wire *w);
void wire_send(struct wire *w, const void *bytes, size_t len);

/* Each sends a request and returns its id. */
uint32_t wire_ask(struct wire *w, enum wherry_frame_type type, const char *name);
uint32_t wire_list(struct wire *w, const char *name, const char *after);
uint32_t wire_get(struct wire *w, const char *name, uint64_t offset, uint64_t count);
/* size may be WHERRY_SIZE_UNKNOWN; upload_id may be NULL. */
uint32_t wire_put(struct wire *w, const char *name, uint64_t size, enum wherry_put_mode mode,
                  const uint8_t *upload_id);
void wire_data(struct wire *w, const void *bytes, size_t len);
void wire_end(struct wire *w);

/* The next frame, DATA included. False: the stream ended. A reset fails the test. */
bool wire_next(struct wire *w);
/* The next frame of this type, all others passed over but an END of the last request. */
void wire_expect(struct wire *w, uint8_t type);
/* Passes over everything up to the END of this request, and returns its status. */
unsigned wire_status(struct wire *w, uint32_t id);
/* The whole of a file, compared with support/pattern.h from the given byte of it on; its status. */
unsigned wire_fetch(struct wire *w, const char *name, size_t pattern_from, size_t *ret_len);
/* READY of the last PUT: the offset to go on from. */
uint64_t wire_ready(struct wire *w);

#endif
