/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/heartbeat.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/transfer_log.h"

#define STATUS_BYTES 160
/* For what follows when the last transfer is over or was told to end. */
#define END_NS (10 * NUMBER_SECOND)
#define WATCHDOG_LEAST_NS NUMBER_MILLISECOND

/* Each request is in one of the three, as wherryd(8) says. */
static const char *status_of(const struct heartbeat *h, char buf[STATUS_BYTES])
{
    struct transfer_counts counts;
    const uint64_t *n = counts.outcomes;

    workers_count(h->workers, &counts);
    snprintf(buf, STATUS_BYTES,
             "%s%zu running, %" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " missing",
             h->stopping ? "ending: " : "", workers_running_lately(h->workers),
             n[OUTCOME_DONE] + n[OUTCOME_PROBE],
             n[OUTCOME_REFUSED] + n[OUTCOME_ABORTED] + n[OUTCOME_TIMEOUT] + n[OUTCOME_FAILED],
             n[OUTCOME_MISSING]);
    return buf;
}

static bool anybody_listens(const struct heartbeat *h)
{
    return h->notify->fd != -1;
}

static void on_status(void *arg)
{
    struct heartbeat *h = arg;

    h->owes_status = true;
    workers_ask(h->workers);
    loop_timer_at(&h->status, loop_now_ns(h->loop) + HEARTBEAT_STATUS_NS);
}

static void on_watchdog(void *arg)
{
    struct heartbeat *h = arg;

    h->owes_alive = true;
    workers_ask(h->workers);
    loop_timer_at(&h->watchdog,
                  loop_now_ns(h->loop) + number_max(h->notify->watchdog_ns / 2, WATCHDOG_LEAST_NS));
}

void heartbeat_start(struct heartbeat *h, struct loop *loop, struct workers *workers,
                     struct notify *notify)
{
    *h = (struct heartbeat){.notify = notify, .workers = workers, .loop = loop};
    loop_timer_init(loop, &h->status, on_status, h);
    loop_timer_init(loop, &h->watchdog, on_watchdog, h);
    if (!anybody_listens(h)) {
        (void)notify_tell(notify, "READY=1"); /* to log why nobody does, if there is a reason */
        return;
    }
    h->owes_ready = true;
    on_status(h);
    if (notify->watchdog_ns != 0) {
        on_watchdog(h);
    }
}

void heartbeat_stop(struct heartbeat *h)
{
    loop_timer_stop(&h->status);
    loop_timer_stop(&h->watchdog);
}

static void tell_end(struct heartbeat *h)
{
    char status[STATUS_BYTES];

    if (notify_tell(h->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=%s",
                    (h->end_within_ns + END_NS) / 1000, status_of(h, status))) {
        h->owes_end = false;
        h->owes_status = false;
    }
}

/* What could not be told now, as the manager's queue is full, is told with the next answer. */
void heartbeat_answered(struct heartbeat *h)
{
    char status[STATUS_BYTES];

    if (h->owes_end) {
        tell_end(h);
    } else if ((h->owes_ready || h->owes_status) &&
               notify_tell(h->notify, "%sSTATUS=%s", h->owes_ready ? "READY=1\n" : "",
                           status_of(h, status))) {
        h->owes_ready = false;
        h->owes_status = false;
    }
    if (h->owes_alive && notify_tell(h->notify, "WATCHDOG=1")) {
        h->owes_alive = false;
    }
}

void heartbeat_reloading(struct heartbeat *h)
{
    if (!h->stopping) {
        (void)notify_tell(h->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                          loop_now_ns(h->loop) / 1000);
    }
}

void heartbeat_reloaded(struct heartbeat *h)
{
    if (anybody_listens(h) && !h->stopping) {
        h->owes_ready = true;
        workers_ask(h->workers);
    }
}

void heartbeat_ending(struct heartbeat *h, uint64_t within_ns)
{
    h->stopping = true;
    h->end_within_ns = within_ns;
    h->owes_ready = false;
    if (anybody_listens(h)) {
        h->owes_end = true;
        tell_end(h);
    }
}
