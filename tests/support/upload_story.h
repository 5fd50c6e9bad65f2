/* SPDX-License-Identifier: BSD-2-Clause */
/* support/upload_story.h: a loop, a pool, a hasher and the uploads of a scratch directory named
 * "root", and up to four clients that upload into it. */
#ifndef SUPPORT_UPLOAD_STORY_H
#define SUPPORT_UPLOAD_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/hasher.h"
#include "store/upload.h"

#define STORY_CLIENTS 4
#define STORY_HOUR_NS (UINT64_C(3600) * 1000000000)

struct upload_story;

struct story_client {
    struct upload_story *story;
    struct upload *upload;
    unsigned opened;
    unsigned taken;
    unsigned committed;
    unsigned superseded;
    bool drops;      /* when it is superseded, instead of breaking off */
    enum res result; /* of the last answer */
    uint64_t offset;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
};

struct upload_story {
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct hasher *hasher;
    struct uploads *uploads;
    struct uploads_limits limits; /* replace, mode 0640, kept for an hour, no others */
    struct story_client clients[STORY_CLIENTS];
    struct loop_timer patience;
    bool late;
    size_t descriptors; /* open before there was an upload */
    unsigned swept;
    size_t removed;
};

/* cmocka's setup and teardown; *state becomes the story. Teardown fails if an upload left a
 * descriptor open. */
int story_setup(void **state);
int story_teardown(void **state);
/* For a child that has mounted something at root: everything anew. */
struct upload_story *story_new(void);
/* The server ends, in good order, and starts again. */
void story_restart(struct upload_story *st);
void story_limit(struct upload_story *st);
/* Turns the loop until *count is expected, at most 20 s. */
void story_await(struct upload_story *st, const unsigned *count, unsigned expected);
/* Until the pool has nothing to do. */
void story_settle(struct upload_story *st);
/* For some time of the loop's own clock. */
void story_pass(struct upload_story *st, uint64_t ns);

/* Of size, replace, from network 192.0.2.0, no id, no digest. */
struct upload_request story_request(const char *name, uint64_t size);
/* Begins, and waits for opened(). */
enum res story_begin(struct upload_story *st, size_t client, const struct upload_request *q);
/* All of it is taken; waits for room. */
enum res story_add(struct upload_story *st, size_t client, const char *bytes, size_t len);
enum res story_text(struct upload_story *st, size_t client, const char *text);
/* Waits for committed(), and lets the upload go. */
enum res story_commit(struct upload_story *st, size_t client, const uint8_t *sha256);
/* Breaks off, and waits until all is as it stays. */
void story_break(struct upload_story *st, size_t client);
void story_drop(struct upload_story *st, size_t client);

/* len bytes that repeat every 251. Free it. */
char *story_bytes(size_t len);
void story_sha256(const char *bytes, size_t len, uint8_t ret[WHERRY_SHA256_BYTES]);
/* Nothing of any upload is in root but these files. */
void story_expect_files(struct upload_story *st, size_t count);

#endif
