/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_rate.h"

#include <wherry/sender.h>

#define SECOND_NS UINT64_C(1000000000)

void exchange_rate_init(struct exchange_rate *r, uint32_t rate, uint64_t span_ns)
{
    *r = (struct exchange_rate){
        .span_ns = span_ns,
        .bytes_due = span_ns / SECOND_NS * rate + span_ns % SECOND_NS * rate / SECOND_NS,
        .since_ns = WHERRY_NEVER,
    };
}

void exchange_rate_wait(struct exchange_rate *r, uint64_t now_ns)
{
    if (r->since_ns == WHERRY_NEVER) {
        r->since_ns = now_ns;
    }
}

void exchange_rate_moved(struct exchange_rate *r, uint64_t bytes, uint64_t now_ns)
{
    if (r->since_ns != WHERRY_NEVER) {
        r->spent_ns += now_ns - r->since_ns;
        r->since_ns = WHERRY_NEVER;
    }
    r->moved += bytes;
    if (r->moved >= r->bytes_due) {
        r->moved = 0;
        r->spent_ns = 0;
    }
}

void exchange_rate_reset(struct exchange_rate *r)
{
    r->moved = 0;
    r->spent_ns = 0;
    r->since_ns = WHERRY_NEVER;
}

uint64_t exchange_rate_deadline(const struct exchange_rate *r)
{
    if (r->since_ns == WHERRY_NEVER) {
        return WHERRY_NEVER;
    }
    return r->spent_ns >= r->span_ns ? r->since_ns : r->since_ns + (r->span_ns - r->spent_ns);
}
