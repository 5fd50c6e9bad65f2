/* SPDX-License-Identifier: BSD-2-Clause */
/* server/heartbeat.h: keeps the service manager informed, as sd_notify(3) has it.
 *
 *   READY=1      the loops of all workers turn, sockets are read
 *   STATUS=...   every HEARTBEAT_STATUS_NS
 *   RELOADING=1  the configuration is read again; READY=1 when it was
 *   WATCHDOG=1   half of the manager's watchdog time is over
 *   STOPPING=1   the last transfers run; and how long that may take
 *
 * READY, STATUS and WATCHDOG are each told as the answer to a question that every worker's loop is
 * asked (workers_ask()): a worker that hangs answers nothing, no word leaves, and the manager's
 * watchdog fires. When nobody listens, no timer runs and nothing is asked. */
#ifndef SERVER_HEARTBEAT_H
#define SERVER_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/number.h"
#include "io/loop.h"
#include "server/notify.h"
#include "server/workers.h"

#define HEARTBEAT_STATUS_NS (5 * NUMBER_SECOND)

/* In the owner's memory; all zero was never started. */
struct heartbeat {
    struct notify *notify;
    struct workers *workers;
    struct loop *loop;
    struct loop_timer status;
    struct loop_timer watchdog;
    bool owes_ready;  /* to be told with the next answer, */
    bool owes_status; /* each of these */
    bool owes_alive;
    bool owes_end;
    bool stopping;
    uint64_t end_within_ns;
};

/* All of these outlive the heartbeat, whose heartbeat_answered() is called by the workers'
 * answered(). */
void heartbeat_start(struct heartbeat *h, struct loop *loop, struct workers *workers,
                     struct notify *notify);
void heartbeat_stop(struct heartbeat *h);
void heartbeat_answered(struct heartbeat *h);
/* Around a reload, also one that changes nothing. Not told once the end has begun, which no READY=1
 * takes back. */
void heartbeat_reloading(struct heartbeat *h);
void heartbeat_reloaded(struct heartbeat *h);
/* The end begins and takes that long at most. */
void heartbeat_ending(struct heartbeat *h, uint64_t within_ns);

#endif
