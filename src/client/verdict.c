/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/verdict.h"

#include <stdio.h>
#include <string.h>

static void describe_silence(struct outcome *o, const struct verdict_facts *f)
{
    bool silent = f->result == RES_TIMEOUT;
    char address[ADDR_TEXT_BYTES];

    (void)addr_print(f->peer, address);
    if (f->send_errno != 0) {
        (void)snprintf(o->detail, sizeof(o->detail), "cannot send to %s: %s", address,
                       strerror(f->send_errno));
    } else if (f->peer_known) {
        (void)snprintf(o->detail, sizeof(o->detail), "the server at %s %s", address,
                       silent ? "fell silent" : "went away");
    } else {
        (void)snprintf(o->detail, sizeof(o->detail), "%s %s",
                       silent ? "no answer from" : "nobody listens at", address);
    }
}

static bool options_refused(const struct outcome *o, const struct verdict_facts *f)
{
    return o->side == OUTCOME_SERVER && o->error_code == WHERRY_ERROR_OPTIONS && f->options_asked &&
           !f->begun;
}

enum attempt_end verdict_reach(struct outcome *o, const struct verdict_facts *f)
{
    if (f->result == RES_OK) {
        *o = (struct outcome){.side = OUTCOME_DONE};
    } else if (o->side != OUTCOME_DONE) {
        return options_refused(o, f) ? ATTEMPT_OPTIONS_REFUSED : ATTEMPT_FINAL;
    } else if (f->local_failure != RES_OK) {
        *o = (struct outcome){.side = OUTCOME_LOCAL, .result = f->local_failure};
    } else if (f->result == RES_TIMEOUT || f->result == RES_UNREACHABLE) {
        *o = (struct outcome){.side = OUTCOME_NETWORK, .result = f->result};
        describe_silence(o, f);
        return f->peer_known ? ATTEMPT_FINAL : ATTEMPT_UNREACHED;
    } else {
        *o = (struct outcome){.side = OUTCOME_PROTOCOL, .result = f->result};
        (void)snprintf(o->detail, sizeof(o->detail), "a block is longer than agreed");
    }
    return ATTEMPT_FINAL;
}
