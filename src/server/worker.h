/* SPDX-License-Identifier: BSD-2-Clause */
/* server/worker.h: one loop, its listeners, its transfers and its connections: both doors to one
 * store. All state of serving hangs off a worker, so that several can run in one process.
 *
 *   RUNNING --worker_drain()--> DRAINING --last of both doors over, or worker_stop()--> drained()
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/res.h>

#include "base/log.h"
#include "io/loop.h"
#include "io/pool.h"
#include "server/config.h"
#include "server/handover.h"
#include "server/spare_sockets.h"
#include "server/transfer_log.h"
#include "store/jail.h"

struct worker;

/* All of these outlive the worker, config until worker_configure() replaces it. */
struct worker_params {
    struct loop *loop;
    struct pool *pool;
    const struct jail *jail;
    const struct config *config;
    const struct log *log;
    struct transfer_log *transfers;
    struct spare_sockets *spares; /* for shared ports, no other worker's; NULL: none */
    bool is_given_requests;     /* another worker reads the sockets for it, see worker_handover() */
    bool tftp_only;             /* no file protocol, and nothing is made for it */
    void (*drained)(void *arg); /* from the loop */
    void *arg;
};

enum res worker_new(struct worker **ret, const struct worker_params *p);
/* Ends what runs without a word. Takes NULL. */
void worker_free(struct worker *w);
/* Serves this bound socket (udp_listen() or tcp_listen(), by the scheme), which the worker closes
 * in the end. */
enum res worker_listen(struct worker *w, int fd, const struct endpoint *endpoint);
/* Where it takes requests that another worker read; as long as the worker lives. */
struct handover *worker_handover(const struct worker *w);
/* From now on this worker, number 0 of `count`, gives what it reads to these, each what is its own;
 * others[0] is not looked at. They outlive its listening. */
void worker_share_out(struct worker *w, struct handover *const *others, unsigned count);
/* Transfers, connections and uploads begun from now on go by this one. */
void worker_configure(struct worker *w, const struct config *config);
/* No new transfers and connections, the listening sockets are closed at once (a successor may bind
 * the ports); running ones go on, connections are told to ask no more. drained() is called once,
 * when no connection, and no transfer but dallying ones, is left (never from inside this call). */
void worker_drain(struct worker *w);
/* Running transfers end with ERROR 0 "server is shutting down", requests with END SHUTDOWN. */
void worker_stop(struct worker *w);
/* Transfers, and connections that are not idle. */
size_t worker_running(const struct worker *w);

#endif
