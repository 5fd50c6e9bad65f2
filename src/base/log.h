/* SPDX-License-Identifier: BSD-2-Clause */
/* base/log.h: severity, subsystem, line. A line is formatted here and handed to a sink; what the
 * sink does (stderr, syslog, a thread that writes) is its owner's business.
 *
 * A line says what happened, then facts; untrusted text goes through text_quote() first. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_LINE_BYTES 2048 /* longer lines are cut */

/* line ends with NUL and has no newline. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *line);

struct log {
    enum log_level level; /* lines above it are dropped unformatted */
    log_sink_fn *sink;
    void *arg;
};

/* `l` may be NULL: nothing is said. errno is kept. "subsystem: text". */
void log_error(const struct log *l, const char *subsystem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_warning(const struct log *l, const char *subsystem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_info(const struct log *l, const char *subsystem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_debug(const struct log *l, const char *subsystem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line without a subsystem, such as the transfer log's. */
void log_line(const struct log *l, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);

#endif
