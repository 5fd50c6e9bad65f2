/* SPDX-License-Identifier: BSD-2-Clause */
/* server/notify.h: words for the service manager that started this program (sd_notify(3)), sent
 * without its library. Where there is none, everything here does nothing.
 *
 * The socket is connected once, while all privileges are there; later a word is one send() that
 * never waits. What keeps a word from being told is logged once, at level debug: nobody may be
 * hurt by a manager that does not listen. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

struct notify {
    const struct log *log;
    int fd;               /* -1: nobody listens */
    uint64_t watchdog_ns; /* the manager wants to hear "WATCHDOG=1" this often; 0: never */
    int error;            /* why it could not be told, not logged yet */
    bool said;
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so before the first
 * thread. log outlives it; nothing is logged yet. */
void notify_open(struct notify *ret, const struct log *log);
void notify_close(struct notify *n);
/* One message, such as "READY=1\nSTATUS=...". False: it was not told now. Keeps nothing. */
bool notify_tell(struct notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
