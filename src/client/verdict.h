/* SPDX-License-Identifier: BSD-2-Clause */
/* client/verdict.h: what the end of an attempt means: for the user, and for what to try next. Pure:
 * facts in, words out. */
#ifndef CLIENT_VERDICT_H
#define CLIENT_VERDICT_H

#include <stdbool.h>

#include <wherry/res.h>

#include "client/attempts.h"
#include "client/outcome.h"
#include "net/addr.h"

/* How things stood when the core was over. */
struct verdict_facts {
    enum res result;        /* the core's */
    enum res local_failure; /* the file's on this side */
    const struct addr *peer;
    bool peer_known;    /* it has answered */
    bool options_asked; /* any */
    bool begun;         /* a block has come through */
    int send_errno;     /* why the request could not even leave; 0 if it did */
};

/* *o holds what was said when it happened (an ERROR, a bad OACK, a signal), or OUTCOME_DONE; after
 * it what the user is told. */
enum attempt_end verdict_reach(struct outcome *o, const struct verdict_facts *f);

#endif
