/* SPDX-License-Identifier: BSD-2-Clause */
/* io/log_writer.h: a sink for base/log.h that never blocks the caller: lines go into a bounded
 * queue and a thread of its own writes them, to stderr with systemd's "<N>" prefixes (only when
 * asked: on a terminal they disturb) or to syslog. When the queue is full, lines are counted and
 * the count is written as a line of its own once there is room.
 *
 * A new one has no thread yet and writes each line at once, as the caller: so a program can log
 * while it gives away what its threads shall not have.
 *
 * To wake the thread costs as much as to answer a small request, so it gathers what comes within
 * 10 ms of a line. Warnings and errors, and what is before them, are written at once. */
#ifndef IO_LOG_WRITER_H
#define IO_LOG_WRITER_H

#include <wherry/res.h>

#include "base/log.h"

enum log_target {
    LOG_TARGET_STDERR,  /* plain lines */
    LOG_TARGET_JOURNAL, /* stderr with "<3>" "<4>" "<6>" "<7>" in front */
    LOG_TARGET_SYSLOG   /* facility daemon */
};

struct log_writer;

/* fd is where stderr targets write (2 in programs). The connection to syslogd is made here. */
enum res log_writer_new(struct log_writer **ret, enum log_target target, int fd);
/* The thread, once, before any other uses the sink. RES_BUSY: the system allows none. */
enum res log_writer_start(struct log_writer *w);
/* Writes what is queued, waiting at most a second for a reader that stalls: then what is left is
 * lost, and the thread remains until its last write ends. Takes NULL. */
void log_writer_free(struct log_writer *w);
/* A log_sink_fn; arg is the log_writer. */
void log_writer_sink(void *arg, enum log_level level, const char *line);

#endif
