/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/upload_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "support/scratch.h"

#define PATIENCE_NS (UINT64_C(20) * 1000000000)

/* --- what the uploads answer --- */

static void on_opened(void *owner, enum res r, uint64_t offset,
                      const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct story_client *c = owner;

    c->opened++;
    c->result = r;
    if (r == RES_OK) {
        c->offset = offset;
        memcpy(c->id, id, sizeof(c->id));
    }
}

static void on_taken(void *owner, enum res r)
{
    struct story_client *c = owner;

    c->taken++;
    c->result = r;
}

static void on_committed(void *owner, enum res r, const uint8_t validator[WHERRY_VALIDATOR_BYTES])
{
    struct story_client *c = owner;

    c->committed++;
    c->result = r;
    memcpy(c->validator, validator, sizeof(c->validator));
}

static void on_superseded(void *owner)
{
    struct story_client *c = owner;

    c->superseded++;
    if (c->drops) {
        upload_drop(c->upload);
    } else {
        upload_break(c->upload);
    }
    c->upload = NULL;
}

static void on_swept(void *arg, enum res r, size_t removed)
{
    struct upload_story *st = arg;

    assert_int_equal(r, RES_OK);
    st->swept++;
    st->removed = removed;
}

static void on_late(void *arg)
{
    ((struct upload_story *)arg)->late = true;
}

/* --- a server --- */

static void start(struct upload_story *st)
{
    assert_int_equal(loop_new(&st->loop), RES_OK);
    loop_timer_init(st->loop, &st->patience, on_late, st);
    assert_int_equal(pool_new(&st->pool, st->loop, 2), RES_OK);
    assert_int_equal(jail_open(&st->jail, "root"), RES_OK);
    assert_int_equal(hasher_new(&st->hasher, st->loop, st->jail, 1, 1), RES_OK);
    assert_int_equal(
        uploads_new(&st->uploads, st->loop, st->pool, st->jail, st->hasher, &st->limits), RES_OK);
    uploads_tell_swept(st->uploads, on_swept, st);
    for (size_t i = 0; i < STORY_CLIENTS; i++) {
        st->clients[i] = (struct story_client){.story = st};
    }
    st->swept = 0;
    if (st->limits.policy != POLICY_WRITE_NONE) {
        story_await(st, &st->swept, 1);
    }
    st->descriptors = scratch_count("/proc/self/fd");
}

static void stop(struct upload_story *st)
{
    for (size_t i = 0; i < STORY_CLIENTS; i++) {
        upload_break(st->clients[i].upload);
        st->clients[i].upload = NULL;
    }
    uploads_free(st->uploads);
    hasher_free(st->hasher);
    pool_free(st->pool);
    loop_timer_stop(&st->patience);
    loop_free(st->loop);
    jail_free(st->jail);
}

struct upload_story *story_new(void)
{
    struct upload_story *st = calloc(1, sizeof(*st));

    assert_non_null(st);
    st->limits = (struct uploads_limits){
        .policy = POLICY_WRITE_REPLACE,
        .mode = 0640,
        .size_max = UINT64_MAX,
        .keep_ns = STORY_HOUR_NS,
        .kept_total = UINT64_MAX,
    };
    start(st);
    return st;
}

int story_setup(void **state)
{
    assert_int_equal(scratch_setup(state), 0);
    scratch_dir("root");
    *state = story_new();
    return 0;
}

/* A hasher that was told to stop closes its file when it comes to it. */
static void expect_descriptors(struct upload_story *st)
{
    uint64_t limit_ns = loop_now_ns(st->loop) + PATIENCE_NS;

    while (scratch_count("/proc/self/fd") != st->descriptors && loop_now_ns(st->loop) < limit_ns) {
        story_pass(st, 1000000);
    }
    assert_int_equal(scratch_count("/proc/self/fd"), st->descriptors);
}

int story_teardown(void **state)
{
    struct upload_story *st = *state;

    for (size_t i = 0; i < STORY_CLIENTS; i++) {
        story_drop(st, i);
    }
    expect_descriptors(st);
    stop(st);
    free(st);
    return scratch_teardown(state);
}

void story_restart(struct upload_story *st)
{
    stop(st);
    start(st);
}

void story_limit(struct upload_story *st)
{
    uploads_limit(st->uploads, &st->limits);
}

void story_await(struct upload_story *st, const unsigned *count, unsigned expected)
{
    st->late = false;
    loop_timer_at(&st->patience, loop_now_ns(st->loop) + PATIENCE_NS);
    while (*count < expected && !st->late) {
        loop_turn(st->loop, true);
    }
    loop_timer_stop(&st->patience);
    assert_int_equal(*count, expected);
}

void story_settle(struct upload_story *st)
{
    do {
        st->late = false;
        loop_timer_at(&st->patience, loop_now_ns(st->loop) + PATIENCE_NS);
        loop_turn(st->loop, false);
        while (!pool_idle(st->pool) && !st->late) {
            loop_turn(st->loop, true);
        }
        loop_timer_stop(&st->patience);
        assert_false(st->late);
        loop_turn(st->loop, false);
    } while (!pool_idle(st->pool));
}

void story_pass(struct upload_story *st, uint64_t ns)
{
    st->late = false;
    loop_timer_at(&st->patience, loop_now_ns(st->loop) + ns);
    while (!st->late) {
        loop_turn(st->loop, true);
    }
}

/* --- clients --- */

struct upload_request story_request(const char *name, uint64_t size)
{
    return (struct upload_request){
        .name = name,
        .size = size,
        .network = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2},
    };
}

enum res story_begin(struct upload_story *st, size_t client, const struct upload_request *q)
{
    struct story_client *c = &st->clients[client];
    const struct upload_params p = {
        .opened = on_opened,
        .taken = on_taken,
        .committed = on_committed,
        .superseded = on_superseded,
        .owner = c,
    };
    unsigned before = c->opened;

    assert_null(c->upload);
    assert_int_equal(upload_begin(&c->upload, st->uploads, q, &p), RES_LATER);
    assert_int_equal(c->opened, before); /* never from inside a call */
    story_await(st, &c->opened, before + 1);
    if (c->result != RES_OK) {
        upload_drop(c->upload);
        c->upload = NULL;
    }
    return c->result;
}

enum res story_add(struct upload_story *st, size_t client, const char *bytes, size_t len)
{
    struct story_client *c = &st->clients[client];
    const struct wherry_view view = {.bytes = (const uint8_t *)bytes, .len = len};
    unsigned before = c->taken;
    enum res r = upload_add(c->upload, view);

    if (r == RES_LATER) {
        story_await(st, &c->taken, before + 1);
        r = c->result;
    }
    return r;
}

enum res story_text(struct upload_story *st, size_t client, const char *text)
{
    return story_add(st, client, text, strlen(text));
}

enum res story_commit(struct upload_story *st, size_t client, const uint8_t *sha256)
{
    struct story_client *c = &st->clients[client];
    unsigned before = c->committed;

    upload_commit(c->upload, sha256);
    assert_int_equal(c->committed, before);
    story_await(st, &c->committed, before + 1);
    upload_drop(c->upload);
    c->upload = NULL;
    return c->result;
}

void story_break(struct upload_story *st, size_t client)
{
    upload_break(st->clients[client].upload);
    st->clients[client].upload = NULL;
    story_settle(st);
}

void story_drop(struct upload_story *st, size_t client)
{
    upload_drop(st->clients[client].upload);
    st->clients[client].upload = NULL;
    story_settle(st);
}

char *story_bytes(size_t len)
{
    char *bytes = malloc(len);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i % 251);
    }
    return bytes;
}

void story_sha256(const char *bytes, size_t len, uint8_t ret[WHERRY_SHA256_BYTES])
{
    SHA256((const unsigned char *)bytes, len, ret);
}

void story_expect_files(struct upload_story *st, size_t count)
{
    story_settle(st);
    assert_int_equal(scratch_count("root"), count);
    expect_descriptors(st);
}
