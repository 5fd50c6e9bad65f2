/* SPDX-License-Identifier: BSD-2-Clause */
/* store/sweep.h: removes `.wherry-*` files that a killed server left beneath the root. One that is
 * locked belongs to a running writer, of this server or another, and stays. Links are not followed,
 * other file systems are. May block for long. */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include <stdatomic.h>
#include <stddef.h>

#include <wherry/res.h>

/* *ret_removed: how many files went. RES_OK also when parts could not be read. RES_SHUTDOWN:
 * another thread set *stop, and the rest stays. */
enum res sweep(int root_fd, const atomic_bool *stop, size_t *ret_removed);

#endif
