/* SPDX-License-Identifier: BSD-2-Clause */
/* store/sweep.h: removes `.wherry-*` files that a killed server left beneath the root. One that is
 * locked belongs to a running writer, of this server or another, and stays; so does what is kept of
 * an upload that may be resumed (store/keep.h), unless `kept` says that nobody can make use of it.
 * Links are not followed, other file systems are. May block for long. */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "store/keep.h"

struct sweep_params {
    int root_fd;
    const atomic_bool *stop;
    /* Told of each record that is whole, whose data is there, and that no running upload uses, in
     * the directory where it lies. False: it is to be removed. NULL: all stay. */
    bool (*kept)(void *arg, int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                 const struct keep_record *rec);
    void *arg;
};

/* *ret_removed: how many files went, a record and its data as one. RES_OK also when parts could not
 * be read. RES_SHUTDOWN: another thread set *stop, and the rest stays. */
enum res sweep(const struct sweep_params *p, size_t *ret_removed);

#endif
