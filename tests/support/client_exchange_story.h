/* SPDX-License-Identifier: BSD-2-Clause */
/* support/client_exchange_story.h: verbs in which the tests of the client's exchange tell what
 * happens, and the pieces that frames are written out of by hand.
 *
 * Events are kept as lines, see expect(). Each expect_ fails the
 * test (cmocka) when the exchange says anything else. */
#ifndef SUPPORT_CLIENT_EXCHANGE_STORY_H
#define SUPPORT_CLIENT_EXCHANGE_STORY_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/client_exchange.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define VIEW(literal) ((struct wherry_view){(const uint8_t *)(literal), sizeof(literal) - 1})

/* A header in literals: the last two bytes of the length, the type, the last byte of the status,
 * the last byte of the id. */
/* clang-format off */
#define FRAME(len, type, status, id) "\0\0" len type "\0\0" status "\0\0\0" id
#define U64(last) "\0\0\0\0\0\0\0" last
#define SIXTEEN(x) x x x x x x x x x x x x x x x x
#define MAX_FRAME 131072
#define HELLO FRAME("\0\15", "\x81", "\0", "\0") "WHRY\1" "\0\2\0\0" "\0\0\0\0"
#define END(status, id) FRAME("\0\2", "\x87", status, id) "\0\0"
#define OK "\0"
#define PROTOCOL "\1"
#define NOT_FOUND "\2"
#define NO_SPACE "\6"
#define IO "\12"
#define BUSY "\13"
#define CHANGED "\14"
#define UNSUPPORTED "\15"
#define TIMEOUT "\17"
#define CANCELLED "\20"
#define SHUTDOWN "\21"
/* clang-format on */

#define STORY_HELLO "HELLO 1 131072\n"
#define STORY_LOG_BYTES 16384u

struct client_exchange_story {
    struct wherry_client_params params; /* to be changed before begin() */
    struct wherry_client_exchange *x;
    uint64_t now_ns;
    char log[STORY_LOG_BYTES]; /* the events since the last expect() */
    size_t log_len;
    /* Pieces of BYTES that follow one another are one line. */
    uint32_t run_request; /* 0: none */
    uint64_t run_offset;
    uint8_t run[STORY_LOG_BYTES];
    size_t run_len;
    const char *why; /* of CLOSED */
};

/* cmocka fixtures: HELLO within 5 s, silence of 30 s. */
int client_exchange_story_setup(void **state);
int client_exchange_story_teardown(void **state);

/* Makes the exchange from f->params; our HELLO has left. */
void begin(struct client_exchange_story *f);
/* The same, and the server's HELLO came. */
void greet(struct client_exchange_story *f);

/* Exactly this is to be sent, no body, and it leaves. */
void expect_output(struct client_exchange_story *f, const uint8_t *bytes, size_t len);
/* The same for the beginning of it: the kernel takes no more. */
void expect_piece(struct client_exchange_story *f, const uint8_t *bytes, size_t len);
void expect_silence(struct client_exchange_story *f);
/* All output and all bodies leave. */
void flush(struct client_exchange_story *f);

/* The server sends this; its events are kept. */
void give(struct client_exchange_story *f, const uint8_t *bytes, size_t len);
/* Pulls what is to be said without any input. */
void pull(struct client_exchange_story *f);
/* The events since the last expect(), each a line:
 *   HELLO version max_frame                 ENTRY id kind size mtime name
 *   INFO id kind size mtime validator[0]    GET id size offset count validator[0]
 *   BYTES id @offset bytes                  READY id offset upload_id[0]
 *   HASH id validator[0] sha256[0]          END id status "text" [sha256[0]] [validator[0]]
 *   PING bytes                              GOAWAY status "text" retry_after_s
 *   REFUSED status "text"                   LOST id result[, may be done]
 *   CLOSED result
 * Statuses and results by their names; first bytes of arrays in hexadecimal. */
void expect(struct client_exchange_story *f, const char *lines);

/* Each queues the request and returns its id. */
uint32_t ask_list(struct client_exchange_story *f, struct wherry_view path,
                  struct wherry_view after);
uint32_t ask_stat(struct client_exchange_story *f, struct wherry_view path);
uint32_t ask_get(struct client_exchange_story *f, struct wherry_view path, uint64_t offset,
                 uint64_t count);
uint32_t ask_put(struct client_exchange_story *f, struct wherry_view path, uint64_t size);
uint32_t ask_hash(struct client_exchange_story *f, struct wherry_view path);
uint32_t ask_mkdir(struct client_exchange_story *f, struct wherry_view path);

#endif
