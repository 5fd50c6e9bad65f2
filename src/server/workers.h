/* SPDX-License-Identifier: BSD-2-Clause */
/* server/workers.h: the workers of a server, seen from the thread that started them.
 *
 * The first one runs on the caller's loop and serves both doors; each further one has a thread, a
 * loop, a pool, sockets and a transfer log of its own, and serves TFTP. Nothing that a packet's way
 * leads past is written by two threads, and each makes what it uses itself, so that not even a
 * cache line is shared. Sockets that were handed over are the first one's alone, which gives the
 * others their requests (server/handover.h). With one worker there is no thread more.
 *
 * Every call is for the caller's thread. Those that change something are carried out by each worker
 * between two turns of its loop and return when all are done: after workers_configure() nobody
 * looks at the old configuration any more. */
#ifndef SERVER_WORKERS_H
#define SERVER_WORKERS_H

#include <stddef.h>

#include <wherry/res.h>

#include "base/log.h"
#include "io/loop.h"
#include "server/config.h"
#include "server/listeners.h"
#include "server/transfer_log.h"
#include "store/jail.h"

struct workers;

/* All of these outlive the workers, config until workers_configure() replaces it. */
struct workers_params {
    struct loop *loop; /* the caller's */
    const struct jail *jail;
    const struct config *config;
    const struct log *log; /* each goes by a copy, whose level is the configuration's */
    struct listeners
        *listeners;             /* listeners->workers says how many; their sockets are taken over */
    void (*drained)(void *arg); /* from the caller's loop, once */
    /* From the caller's loop, after workers_ask(). NULL: nobody asks. */
    void (*answered)(void *arg);
    void *arg;
};

/* All of them or none; why says what was missing. */
enum res workers_new(struct workers **ret, const struct workers_params *p, char *why, size_t cap);
/* Ends what runs without a word, and the threads. Takes NULL. */
void workers_free(struct workers *w);
/* As in server/worker.h, for each. drained() is called when all are. */
void workers_configure(struct workers *w, const struct config *config);
void workers_drain(struct workers *w);
void workers_stop(struct workers *w);
size_t workers_running(struct workers *w);
/* Asks all and does not wait: answered() is called when the loop of each has turned. As long as one
 * has not, further questions are the same. */
void workers_ask(struct workers *w);
/* The sum of what each said when it was last asked, also by workers_running(). */
size_t workers_running_lately(const struct workers *w);
/* What was transferred since the start, as far as it is known here by now. */
void workers_count(const struct workers *w, struct transfer_counts *ret);

#endif
