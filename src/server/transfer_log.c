/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/transfer_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "server/missing_sums.h"

/* Short enough together for one line of the log: a long name never cuts off what follows it. */
#define NAME_BYTES 1024
#define TEXT_BYTES 400
#define SECS_BYTES 32
/* Longer names are not summed: the table stays small. RFC 1350's longest request has 512 bytes. */
#define SUMMED_NAME_BYTES 512
#define KEY_BYTES (2 + ADDR_TEXT_BYTES + SUMMED_NAME_BYTES)

struct transfer_log {
    struct loop *loop;
    const struct log *log;
    struct missing_sums *missing;
    struct loop_timer timer;
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

static void say_sum(void *arg, const char *line, uint64_t times)
{
    struct transfer_log *t = arg;

    log_line(t->log, outcomes[OUTCOME_MISSING].level, "%s times=%" PRIu64, line, times);
}

static void on_due(void *arg)
{
    struct transfer_log *t = arg;

    missing_sums_expire(t->missing, loop_now_ns(t->loop));
    loop_timer_at(&t->timer, missing_sums_deadline(t->missing));
}

enum res transfer_log_new(struct transfer_log **ret, struct loop *l, const struct log *log)
{
    struct transfer_log *t = calloc(1, sizeof(*t));
    enum res r = RES_NO_MEMORY;

    if (t != NULL) {
        t->loop = l;
        t->log = log;
        r = missing_sums_new(&t->missing, say_sum, t);
    }
    if (r != RES_OK) {
        free(t);
        return r;
    }
    loop_timer_init(l, &t->timer, on_due, t);
    *ret = t;
    return RES_OK;
}

void transfer_log_free(struct transfer_log *t)
{
    if (t == NULL) {
        return;
    }
    loop_timer_stop(&t->timer);
    missing_sums_free(t->missing);
    free(t);
}

void transfer_log_hold(struct transfer_log *t, uint64_t hold_ns, size_t pairs)
{
    missing_sums_limit(t->missing, hold_ns, pairs);
}

static void print_secs(uint64_t ns, char *buf)
{
    uint64_t ms = (ns + NUMBER_MILLISECOND / 2) / NUMBER_MILLISECOND;
    uint64_t tenths = (ns + NUMBER_SECOND / 20) / (NUMBER_SECOND / 10);

    if (ms < 1000) {
        snprintf(buf, SECS_BYTES, "0.%03" PRIu64, ms);
    } else {
        snprintf(buf, SECS_BYTES, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
    }
}

static void print_line(const struct transfer_record *r, char line[LOG_LINE_BYTES])
{
    char peer[ADDR_TEXT_BYTES];
    char name[NAME_BYTES];
    char text[TEXT_BYTES];
    char secs[SECS_BYTES];
    int len;

    print_secs(r->duration_ns, secs);
    len =
        snprintf(line, LOG_LINE_BYTES,
                 "%s op=%s peer=%s name=\"%s\" mode=%s blksize=%u windowsize=%u bytes=%" PRIu64
                 " secs=%s resent=%" PRIu64,
                 outcomes[r->outcome].word, r->write ? "write" : "read", addr_print(&r->peer, peer),
                 text_quote(r->name.bytes, r->name.len, name, sizeof(name)),
                 r->mode == WHERRY_OCTET ? "octet" : "netascii", r->blksize, r->windowsize,
                 r->bytes, secs, r->resent);
    if (r->reason != NULL) {
        len +=
            snprintf(line + len, LOG_LINE_BYTES - (size_t)len, " reason=\"%s\"",
                     text_quote((const uint8_t *)r->reason, strlen(r->reason), text, sizeof(text)));
    }
    if (r->peer_error) {
        snprintf(line + len, LOG_LINE_BYTES - (size_t)len, " error=%u text=\"%s\"", r->peer_code,
                 text_quote(r->peer_text.bytes, r->peer_text.len, text, sizeof(text)));
    }
}

/* Direction, host and name: ports change with each request. */
static size_t make_key(const struct transfer_record *r, uint8_t key[KEY_BYTES])
{
    struct addr host = r->peer;
    char text[ADDR_TEXT_BYTES];
    size_t len;

    addr_set_port(&host, 0);
    len = (size_t)snprintf((char *)key, KEY_BYTES, "%c%s ", r->write ? 'w' : 'r',
                           addr_print(&host, text));
    if (r->name.len > 0) {
        memcpy(key + len, r->name.bytes, r->name.len);
    }
    return len + r->name.len;
}

void transfer_log_record(struct transfer_log *t, const struct transfer_record *r)
{
    uint8_t key[KEY_BYTES];
    char line[LOG_LINE_BYTES];
    enum log_level level = outcomes[r->outcome].level;
    bool now = true;

    if (t->log == NULL || level > t->log->level) {
        return;
    }
    print_line(r, line);
    if (r->outcome == OUTCOME_MISSING && r->name.len <= SUMMED_NAME_BYTES) {
        now = missing_sums_add(t->missing, key, make_key(r, key), line, loop_now_ns(t->loop));
        loop_timer_at(&t->timer, missing_sums_deadline(t->missing));
    }
    if (now) {
        log_line(t->log, level, "%s", line);
    }
}
