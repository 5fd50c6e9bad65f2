/* SPDX-License-Identifier: BSD-2-Clause */
/* support/exchange_story.h: verbs in which the tests of the server's exchange tell what happens.
 *
 * The story plays the client, whose frames it gives, and the adapter, which pulls events and sends
 * output as the header of the exchange says. What was said is kept as lines, events and frames
 * apart; each expect_ fails the test (cmocka) when they are others. */
#ifndef SUPPORT_EXCHANGE_STORY_H
#define SUPPORT_EXCHANGE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/exchange.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define STORY_LINES_BYTES 65536u

struct story_lines {
    char text[STORY_LINES_BYTES];
    size_t len;
};

struct exchange_story {
    struct wherry_exchange_params params; /* to be changed before begin() */
    struct wherry_exchange *x;
    uint64_t now_ns;
    bool answers;     /* the adapter answers each request at once, as answer() says */
    bool is_full;     /* the socket takes nothing */
    bool keeps_piece; /* PUT_BYTES are not reported as taken */
    struct story_lines events;
    struct story_lines sent;
    struct wherry_frame_decoder client; /* what it makes of the output */
    uint8_t upload[4096];               /* PUT_BYTES that followed one another */
    size_t upload_len;
    uint64_t upload_at;
    uint32_t upload_id;
};

/* cmocka fixtures: the limits of the page, time 0. */
int exchange_story_setup(void **state);
int exchange_story_teardown(void **state);

/* Makes the exchange from f->params. */
void begin(struct exchange_story *f);
/* The same; HELLO was said and answered. */
void greet(struct exchange_story *f);

/* What the client sends; the adapter then does all it can. The number of bytes that were used. */
size_t give(struct exchange_story *f, const void *bytes, size_t len);
/* A frame; payload: a literal or a view of bytes, len without a NUL. */
void give_frame(struct exchange_story *f, uint8_t type, uint32_t id, const void *payload,
                size_t len);
void give_hello(struct exchange_story *f, uint8_t lowest, uint8_t highest);
/* STAT, HASH or MKDIR. */
void give_path(struct exchange_story *f, enum wherry_frame_type type, uint32_t id,
               const char *path);
void give_list(struct exchange_story *f, uint32_t id, const char *path);
void give_get(struct exchange_story *f, uint32_t id, const char *path);
void give_put(struct exchange_story *f, uint32_t id, const char *path);
void give_data(struct exchange_story *f, uint32_t id, const char *text);
void give_end(struct exchange_story *f, uint32_t id);
void give_cancel(struct exchange_story *f, uint32_t id);
void give_ping(struct exchange_story *f, const char *text);

/* The adapter pulls events and sends, until there is nothing. */
void work(struct exchange_story *f);
/* Answers, with nothing in particular in them. */
void say_info(struct exchange_story *f);
void say_get_reply(struct exchange_story *f, uint64_t count);
void say_ready(struct exchange_story *f, uint64_t offset);
void say_hash(struct exchange_story *f);
void say_entry(struct exchange_story *f, const char *name);
void say_end(struct exchange_story *f, enum res result);
/* A client that was greeted has asked for PUT 1 and got READY 0; nothing of it is left to expect.
 */
void upload(struct exchange_story *f);

/* The events since the last expect_events(), each a line:
 *   REQUEST id TYPE path      PUT_BYTES id @offset bytes     PUT_END id @length [sha256[0]]
 *   STOP id RESULT            ABORT id RESULT                SHUT     OVER RESULT
 * TYPE as LIST, RESULT as CANCELLED. */
void expect_events(struct exchange_story *f, const char *lines);
/* The frames since the last expect_sent():
 *   TYPE id [STATUS]          PING_REPLY bytes               DATA id length
 * STATUS of END and GOAWAY as OK. */
void expect_sent(struct exchange_story *f, const char *lines);
void expect_nothing(struct exchange_story *f);
void expect_state(struct exchange_story *f, enum wherry_exchange_state state);
/* The clock runs to the deadline, which has to be this moment, and wakes the exchange. */
void run_out(struct exchange_story *f, uint64_t at_ns);

#endif
