/* SPDX-License-Identifier: BSD-2-Clause */
/* io/thread.h: threads beside the loop. */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts run(arg) with all signals blocked: they are for the loop's thread, and a reader that went
 * away is EPIPE, not SIGPIPE. False: the system allows no more threads. */
bool thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);

#endif
