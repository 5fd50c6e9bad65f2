/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/transfer_log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "server/missing_sums.h"

/* Short enough together for one line of the log: a long name never cuts off what follows it. */
#define NAME_BYTES 1024
#define TEXT_BYTES 400
/* Longer names are not summed: the table stays small. RFC 1350's longest request has 512 bytes. */
#define SUMMED_NAME_BYTES 512
#define OP_BYTES 16
#define KEY_BYTES (OP_BYTES + 2 + ADDR_TEXT_BYTES + SUMMED_NAME_BYTES)

/* What logs that belong together share. */
struct sums {
    pthread_mutex_t lock; /* guards all below */
    struct missing_sums *missing;
    const struct log *log; /* of whoever has the lock */
};

struct transfer_log {
    struct loop *loop;
    const struct log *log;
    struct sums *sums;
    bool owns_sums;
    struct loop_timer timer;
    /* Written by the loop's thread alone, read by any. */
    _Atomic uint64_t counts[OUTCOME_COUNT];
    _Atomic uint64_t bytes;
};

/* clang-format off */
static const struct {
    const char *word;
    enum log_level level;
} outcomes[] = {
    [OUTCOME_DONE]    = {"done",    LOG_LEVEL_INFO},
    [OUTCOME_PROBE]   = {"probe",   LOG_LEVEL_INFO},
    [OUTCOME_MISSING] = {"missing", LOG_LEVEL_INFO},
    [OUTCOME_REFUSED] = {"refused", LOG_LEVEL_WARNING},
    [OUTCOME_ABORTED] = {"aborted", LOG_LEVEL_WARNING},
    [OUTCOME_TIMEOUT] = {"timeout", LOG_LEVEL_WARNING},
    [OUTCOME_FAILED]  = {"failed",  LOG_LEVEL_ERROR},
};
/* clang-format on */

enum outcome transfer_log_outcome(enum res r)
{
    switch (r) {
    case RES_OK:
        return OUTCOME_DONE;
    case RES_NOT_FOUND:
    case RES_IS_DIR:
        return OUTCOME_MISSING;
    case RES_DENIED:
    case RES_NAME:
    case RES_EXISTS:
    case RES_TOO_LARGE:
    case RES_UNSUPPORTED:
    case RES_OPTIONS:
    case RES_RANGE:
    case RES_DIGEST:
    case RES_OFFSET:
    case RES_AUTH:
        return OUTCOME_REFUSED;
    case RES_PROTOCOL: /* in a transfer under way */
    case RES_PEER:
    case RES_UNREACHABLE:
    case RES_CANCELLED:
    case RES_LOST:
        return OUTCOME_ABORTED;
    case RES_TIMEOUT:
        return OUTCOME_TIMEOUT;
    default:
        return OUTCOME_FAILED;
    }
}

const char *outcome_word(enum outcome o)
{
    return outcomes[o].word;
}

/* The sums, for this log's use. */
static struct missing_sums *take_sums(struct transfer_log *t)
{
    pthread_mutex_lock(&t->sums->lock);
    t->sums->log = t->log;
    return t->sums->missing;
}

static void give_sums(struct transfer_log *t)
{
    pthread_mutex_unlock(&t->sums->lock);
}

static void say_sum(void *arg, const char *line, uint64_t times)
{
    const struct sums *s = arg;

    log_line(s->log, outcomes[OUTCOME_MISSING].level, "%s times=%" PRIu64, line, times);
}

static void on_due(void *arg)
{
    struct transfer_log *t = arg;
    struct missing_sums *missing = take_sums(t);

    missing_sums_expire(missing, loop_now_ns(t->loop));
    loop_timer_at(&t->timer, missing_sums_deadline(missing));
    give_sums(t);
}

static enum res new_sums(struct sums **ret)
{
    struct sums *s = calloc(1, sizeof(*s));
    enum res r = RES_NO_MEMORY;

    if (s != NULL) {
        r = missing_sums_new(&s->missing, say_sum, s);
    }
    if (r != RES_OK) {
        free(s);
        return r;
    }
    /* glibc's default mutex needs no resources and cannot fail to be made. */
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return RES_OK;
}

static struct transfer_log *new_log(struct loop *l, const struct log *log)
{
    struct transfer_log *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->loop = l;
        t->log = log;
        loop_timer_init(l, &t->timer, on_due, t);
    }
    return t;
}

enum res transfer_log_new(struct transfer_log **ret, struct loop *l, const struct log *log)
{
    struct transfer_log *t = new_log(l, log);
    enum res r = RES_NO_MEMORY;

    if (t != NULL) {
        r = new_sums(&t->sums);
    }
    if (r != RES_OK) {
        free(t);
        return r;
    }
    t->owns_sums = true;
    *ret = t;
    return RES_OK;
}

enum res transfer_log_new_beside(struct transfer_log **ret, struct transfer_log *first,
                                 struct loop *l, const struct log *log)
{
    struct transfer_log *t = new_log(l, log);

    if (t == NULL) {
        return RES_NO_MEMORY;
    }
    t->sums = first->sums;
    *ret = t;
    return RES_OK;
}

void transfer_log_free(struct transfer_log *t)
{
    if (t == NULL) {
        return;
    }
    loop_timer_stop(&t->timer);
    if (t->owns_sums) {
        missing_sums_free(take_sums(t));
        give_sums(t);
        pthread_mutex_destroy(&t->sums->lock);
        free(t->sums);
    }
    free(t);
}

/* One thread writes, so a plain sum will do; others see it before long. */
static void add_to(_Atomic uint64_t *count, uint64_t n)
{
    uint64_t old = atomic_load_explicit(count, memory_order_relaxed);

    atomic_store_explicit(count, old + n, memory_order_relaxed);
}

void transfer_log_count(const struct transfer_log *t, struct transfer_counts *ret)
{
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        ret->outcomes[i] += atomic_load_explicit(&t->counts[i], memory_order_relaxed);
    }
    ret->bytes += atomic_load_explicit(&t->bytes, memory_order_relaxed);
}

void transfer_log_hold(struct transfer_log *t, uint64_t hold_ns, size_t pairs)
{
    missing_sums_limit(take_sums(t), hold_ns, pairs);
    give_sums(t);
}

/* One line, put together field by field, by hand: a small read costs little more than its line, and
 * printf() was half of that. What does not fit is cut. */
struct text_line {
    char *at;
    size_t left; /* the NUL included */
};

static void add_bytes(struct text_line *l, const char *bytes, size_t len)
{
    size_t used = len < l->left ? len : l->left - 1;

    memcpy(l->at, bytes, used);
    l->at += used;
    l->left -= used;
    *l->at = '\0';
}

static void add_text(struct text_line *l, const char *key, const char *text)
{
    add_bytes(l, key, strlen(key));
    add_bytes(l, text, strlen(text));
}

static void add_number(struct text_line *l, const char *key, uint64_t value)
{
    char digits[NUMBER_TEXT_BYTES];
    size_t len = number_print_digits(value, digits);

    add_bytes(l, key, strlen(key));
    add_bytes(l, digits, len);
}

static void add_quoted(struct text_line *l, const char *key, const uint8_t *bytes, size_t len,
                       size_t cap)
{
    char text[NAME_BYTES];

    add_text(l, key, "=\"");
    add_text(l, text_quote(bytes, len, text, cap), "\"");
}

static void add_secs(struct text_line *l, uint64_t ns)
{
    uint64_t ms = (ns + NUMBER_MILLISECOND / 2) / NUMBER_MILLISECOND;
    uint64_t tenths = (ns + NUMBER_SECOND / 20) / (NUMBER_SECOND / 10);
    char digits[NUMBER_TEXT_BYTES];

    if (ms < 1000) {
        (void)number_print_digits(1000 + ms, digits);
        add_text(l, " secs=0.", digits + 1);
    } else {
        add_number(l, " secs=", tenths / 10);
        add_number(l, ".", tenths % 10);
    }
}

static void add_facts(struct text_line *l, const struct transfer_record *r)
{
    char peer[ADDR_TEXT_BYTES];

    add_text(l, outcomes[r->outcome].word, " op=");
    add_text(l, r->op != NULL ? r->op : (r->write ? "write" : "read"),
             r->op != NULL ? " via=wherry peer=" : " peer=");
    add_text(l, addr_print(&r->peer, peer), "");
    add_quoted(l, " name", r->name.bytes, r->name.len, NAME_BYTES);
    if (r->op != NULL) {
        add_number(l, " offset=", r->offset);
    } else {
        add_text(l, " mode=", r->mode == WHERRY_OCTET ? "octet" : "netascii");
        add_number(l, " blksize=", r->blksize);
        add_number(l, " windowsize=", r->windowsize);
    }
    add_number(l, " bytes=", r->bytes);
    add_secs(l, r->duration_ns);
    if (r->op == NULL) {
        add_number(l, " resent=", r->resent);
    }
}

static void print_line(const struct transfer_record *r, char line[LOG_LINE_BYTES])
{
    struct text_line l = {line, LOG_LINE_BYTES};

    add_facts(&l, r);
    if (r->op != NULL && r->status != 0) {
        add_number(&l, " status=", r->status);
    }
    if (r->reason != NULL) {
        add_quoted(&l, " reason", (const uint8_t *)r->reason, strlen(r->reason), TEXT_BYTES);
    }
    if (r->op == NULL && r->peer_error) {
        add_number(&l, " error=", r->peer_code);
        add_quoted(&l, " text", r->peer_text.bytes, r->peer_text.len, TEXT_BYTES);
    }
}

/* Door, operation, host and name: ports change with each request. */
static size_t make_key(const struct transfer_record *r, uint8_t key[KEY_BYTES])
{
    struct addr host = r->peer;
    char text[ADDR_TEXT_BYTES];
    size_t len;

    addr_set_port(&host, 0);
    len = (size_t)snprintf((char *)key, KEY_BYTES, "%.*s %s ", OP_BYTES,
                           r->op != NULL ? r->op : (r->write ? "w" : "r"), addr_print(&host, text));
    if (r->name.len > 0) {
        memcpy(key + len, r->name.bytes, r->name.len);
    }
    return len + r->name.len;
}

/* True: the line is to be logged now. */
static bool is_first(struct transfer_log *t, const struct transfer_record *r, const char *line)
{
    uint8_t key[KEY_BYTES];
    size_t len = make_key(r, key);
    struct missing_sums *missing = take_sums(t);
    bool first = missing_sums_add(missing, key, len, line, loop_now_ns(t->loop));

    loop_timer_at(&t->timer, missing_sums_deadline(missing));
    give_sums(t);
    return first;
}

void transfer_log_record(struct transfer_log *t, const struct transfer_record *r)
{
    char line[LOG_LINE_BYTES];
    enum log_level level = outcomes[r->outcome].level;

    add_to(&t->counts[r->outcome], 1);
    add_to(&t->bytes, r->bytes);
    if (t->log == NULL || level > t->log->level) {
        return;
    }
    print_line(r, line);
    if (r->outcome != OUTCOME_MISSING || r->name.len > SUMMED_NAME_BYTES || is_first(t, r, line)) {
        log_line(t->log, level, "%s", line);
    }
}
