/* SPDX-License-Identifier: BSD-2-Clause */
/* store/upload_work.h: what the pool does for one upload, a step at a time.
 *
 *   OPEN --> WRITE* --> FINISH   the name leads to the new bytes
 *                   --> KEEP     what came stays, to be resumed
 *                   --> DROP     nothing happened
 *
 * The loop fills in what a step needs, gives the work away, and looks at it again when it is back.
 * A step that fails leaves all as it was, so that it can be done once more; FINISH, KEEP and DROP
 * leave nothing open, whatever they answer. */
#ifndef STORE_UPLOAD_WORK_H
#define STORE_UPLOAD_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "base/buffer.h"
#include "io/pool.h"
#include "store/jail.h"
#include "store/keep.h"
#include "store/upload.h"
#include "store/writer.h"

/* So much is lost at most when the server is killed. */
#define UPLOAD_SYNC_BYTES (UINT64_C(16) << 20)

enum upload_step {
    UPLOAD_ANSWER, /* nothing: the answer is there, and is to come from the loop */
    UPLOAD_OPEN,
    UPLOAD_WRITE,
    UPLOAD_FINISH,
    UPLOAD_KEEP,
    UPLOAD_DROP
};

struct upload_work {
    struct pool_job base; /* first: the pool's handle */
    enum upload_step step;
    bool worked; /* pool_free() hands back what no thread has seen */
    enum res result;

    const struct jail *jail;
    struct uploads_limits limits; /* but for the rules, which who holds */
    struct policy_who who;
    bool has_id;
    bool sync;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    struct keep_record record; /* its facts also without an id */

    int dir_fd; /* -1: not open */
    struct writer *writer;
    struct buffer batch;
    size_t batch_done; /* written of it */
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
};

void upload_work_do(struct pool_job *base);
/* DROP, if anything is open, and the batch. */
void upload_work_release(struct upload_work *w);

#endif
