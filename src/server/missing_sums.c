/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/missing_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without memory for the table a repeat is logged at once instead. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "server/transfer_log.h"

/* Behind uthash's pointer arithmetic gcc's analyzer loses the buckets of the table. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct sum {
    UT_hash_handle hh;
    uint64_t due_ns;
    uint64_t times;
    char line[LOG_LINE_BYTES]; /* of the last repeat */
    size_t key_len;
    uint8_t key[];
};

/* uthash keeps the order of insertion: the oldest is the head. */
struct missing_sums {
    struct sum *sums;
    uint64_t hold_ns;
    size_t pairs;
    void (*say)(void *arg, const char *line, uint64_t times);
    void *arg;
};

enum res missing_sums_new(struct missing_sums **ret,
                          void (*say)(void *arg, const char *line, uint64_t times), void *arg)
{
    struct missing_sums *m = calloc(1, sizeof(*m));

    if (m == NULL) {
        return RES_NO_MEMORY;
    }
    m->hold_ns = TRANSFER_LOG_HOLD_NS;
    m->pairs = TRANSFER_LOG_PAIRS;
    m->say = say;
    m->arg = arg;
    *ret = m;
    return RES_OK;
}

static void take_out(struct missing_sums *m, struct sum *s)
{
    HASH_DEL(m->sums, s);
    if (s->times > 0) {
        m->say(m->arg, s->line, s->times);
    }
    free(s);
}

void missing_sums_free(struct missing_sums *m)
{
    if (m == NULL) {
        return;
    }
    while (m->sums != NULL) {
        take_out(m, m->sums);
    }
    free(m);
}

void missing_sums_limit(struct missing_sums *m, uint64_t hold_ns, size_t pairs)
{
    m->hold_ns = hold_ns;
    m->pairs = pairs;
}

static void begin(struct missing_sums *m, const uint8_t *key, size_t key_len, uint64_t now_ns)
{
    struct sum *s;

    while (m->sums != NULL && HASH_COUNT(m->sums) >= m->pairs) {
        take_out(m, m->sums);
    }
    s = calloc(1, sizeof(*s) + key_len);
    if (s == NULL) {
        return;
    }
    s->due_ns = now_ns + m->hold_ns;
    s->key_len = key_len;
    memcpy(s->key, key, key_len);
    HASH_ADD_KEYPTR(hh, m->sums, s->key, s->key_len, s);
    if (s->hh.tbl == NULL) {
        free(s);
    }
}

bool missing_sums_add(struct missing_sums *m, const uint8_t *key, size_t key_len, const char *line,
                      uint64_t now_ns)
{
    struct sum *s;

    missing_sums_expire(m, now_ns);
    HASH_FIND(hh, m->sums, key, key_len, s);
    if (s == NULL) {
        begin(m, key, key_len, now_ns);
        return true;
    }
    snprintf(s->line, sizeof(s->line), "%s", line);
    s->times++;
    return false;
}

void missing_sums_expire(struct missing_sums *m, uint64_t now_ns)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): HASH_DEL makes the next one the head */
    while (m->sums != NULL && m->sums->due_ns <= now_ns) {
        take_out(m, m->sums);
    }
}

uint64_t missing_sums_deadline(const struct missing_sums *m)
{
    return m->sums != NULL ? m->sums->due_ns : UINT64_MAX;
}
