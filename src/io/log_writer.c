/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "io/thread.h"

/* Two of these: one is filled while the other is written. */
#define QUEUE_BYTES (512u * 1024u)
#define PREFIX_BYTES 3u /* "<6>" */
#define STALL_SECONDS 1 /* what log_writer_free() waits */
#define GATHER_NS (10 * (long)NUMBER_MILLISECOND)
#define ENOUGH_BYTES (QUEUE_BYTES / 4u) /* to write before that time is over */

/* Whole lines, each with its newline; prefixes are there unless the target is plain. */
struct queue {
    size_t len;
    char text[QUEUE_BYTES];
};

struct log_writer {
    enum log_target target;
    int fd;
    pthread_t thread;
    bool started; /* else lines are written by who says them; there is one thread yet */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;
    struct queue *filling;
    struct queue *spare; /* NULL while the thread writes it */
    bool urgent;         /* something in `filling` should not wait for more */
    uint64_t dropped;
    bool stopping;
    bool over; /* the thread has nothing more to do */
    bool left; /* nobody waits for the thread any more: it frees all */
};

static int syslog_priority(enum log_level level)
{
    static const int priority[] = {
        [LOG_LEVEL_ERROR] = LOG_ERR,
        [LOG_LEVEL_WARNING] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,
        [LOG_LEVEL_DEBUG] = LOG_DEBUG,
    };

    return priority[level];
}

/* Length of the formatted line, 0 if it does not fit. */
static size_t format_line(const struct log_writer *w, char *at, size_t cap, enum log_level level,
                          const char *line)
{
    size_t prefix = w->target == LOG_TARGET_STDERR ? 0 : PREFIX_BYTES;
    size_t len = strnlen(line, LOG_LINE_BYTES);

    if (prefix + len + 1 > cap) {
        return 0;
    }
    if (prefix != 0) {
        at[0] = '<';
        at[1] = (char)('0' + syslog_priority(level));
        at[2] = '>';
    }
    memcpy(at + prefix, line, len);
    at[prefix + len] = '\n';
    return prefix + len + 1;
}

/* Waits for a slow reader as long as it takes. False: it is gone, and there is nobody to tell. */
static bool write_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            /* Somebody who shares the descriptor made it non-blocking. */
            struct pollfd p = {.fd = fd, .events = POLLOUT};

            (void)poll(&p, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool is_left(struct log_writer *w)
{
    bool left;

    pthread_mutex_lock(&w->lock);
    left = w->left;
    pthread_mutex_unlock(&w->lock);
    return left;
}

/* Pieces of whole lines, small enough for a pipe to take in one go, so that the lines of several
 * programs that share it stay whole. */
static void write_pieces(struct log_writer *w, const char *at, size_t len)
{
    while (len > 0 && !is_left(w)) {
        size_t piece = len;

        if (piece > PIPE_BUF) {
            const char *end = memrchr(at, '\n', PIPE_BUF);

            piece = end == NULL ? PIPE_BUF : (size_t)(end - at) + 1;
        }
        if (!write_all(w->fd, at, piece)) {
            return;
        }
        at += piece;
        len -= piece;
    }
}

static void write_syslog(const char *at, size_t len)
{
    while (len > 0) {
        size_t line = (size_t)((const char *)memchr(at, '\n', len) - at);

        syslog(LOG_DAEMON | (at[1] - '0'), "%.*s", (int)(line - PREFIX_BYTES), at + PREFIX_BYTES);
        at += line + 1;
        len -= line + 1;
    }
}

static void write_text(struct log_writer *w, const char *at, size_t len)
{
    if (w->target == LOG_TARGET_SYSLOG) {
        write_syslog(at, len);
    } else {
        write_pieces(w, at, len);
    }
}

static void write_dropped(struct log_writer *w, uint64_t dropped)
{
    char line[128];
    char text[sizeof(line) + PREFIX_BYTES + 1];

    snprintf(line, sizeof(line), "log: %llu lines dropped, their reader is too slow",
             (unsigned long long)dropped);
    write_text(w, text, format_line(w, text, sizeof(text), LOG_LEVEL_WARNING, line));
}

/* Waits for more lines, with the lock held, if those that are here can wait. */
static void gather(struct log_writer *w)
{
    struct timespec until = {0};
    int r = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_NS;
    if (until.tv_nsec >= (long)NUMBER_SECOND) {
        until.tv_sec++;
        until.tv_nsec -= (long)NUMBER_SECOND;
    }
    while (!w->urgent && !w->stopping && r == 0) {
        r = pthread_cond_timedwait(&w->more, &w->lock, &until);
    }
    w->urgent = false;
}

static void release(struct log_writer *w)
{
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void *run_writer(void *arg)
{
    struct log_writer *w = arg;
    bool left;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct queue *full;
        uint64_t dropped;

        while (w->filling->len == 0 && !w->stopping) {
            pthread_cond_wait(&w->more, &w->lock);
        }
        if (w->filling->len == 0) {
            break;
        }
        gather(w);
        full = w->filling;
        w->filling = w->spare;
        w->spare = NULL;
        dropped = w->dropped; /* they came after the lines in `full` */
        w->dropped = 0;
        pthread_mutex_unlock(&w->lock);
        write_text(w, full->text, full->len);
        if (dropped != 0) {
            write_dropped(w, dropped);
        }
        pthread_mutex_lock(&w->lock);
        full->len = 0;
        w->spare = full;
    }
    w->over = true;
    left = w->left;
    pthread_mutex_unlock(&w->lock);
    if (left) {
        release(w);
    }
    return NULL;
}

/* glibc's mutex and condition need no resources and cannot fail to be made. */
static void init_lock(struct log_writer *w)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

enum res log_writer_new(struct log_writer **ret, enum log_target target, int fd)
{
    /* One piece, of which only pages that lines ever reached become resident. */
    struct log_writer *w = malloc(sizeof(*w) + 2 * sizeof(struct queue));
    struct queue *queues;

    if (w == NULL) {
        return RES_NO_MEMORY;
    }
    memset(w, 0, sizeof(*w));
    queues = (struct queue *)(void *)(w + 1);
    w->target = target;
    w->fd = fd;
    w->filling = &queues[0];
    w->spare = &queues[1];
    w->filling->len = 0;
    w->spare->len = 0;
    init_lock(w);
    if (target == LOG_TARGET_SYSLOG) {
        openlog(NULL, LOG_NDELAY, LOG_DAEMON); /* while its socket can be reached */
    }
    *ret = w;
    return RES_OK;
}

enum res log_writer_start(struct log_writer *w)
{
    if (!thread_start(&w->thread, run_writer, w)) {
        return RES_BUSY;
    }
    w->started = true;
    return RES_OK;
}

/* True: the thread is still writing. It frees w when it is done, or ends with the process. */
static bool leave_behind(struct log_writer *w)
{
    bool over;

    pthread_mutex_lock(&w->lock);
    over = w->over;
    w->left = !over;
    w->filling->len = 0; /* it would go on with these */
    if (!over) {
        (void)pthread_detach(w->thread);
    }
    pthread_mutex_unlock(&w->lock);
    return !over;
}

void log_writer_free(struct log_writer *w)
{
    struct timespec until = {0};

    if (w == NULL) {
        return;
    }
    if (w->started) {
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_cond_signal(&w->more);
        pthread_mutex_unlock(&w->lock);
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += STALL_SECONDS;
        if (pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
            if (leave_behind(w)) {
                return;
            }
            pthread_join(w->thread, NULL);
        }
    }
    release(w);
}

static void write_now(struct log_writer *w, enum log_level level, const char *line)
{
    char text[LOG_LINE_BYTES + PREFIX_BYTES + 1];

    write_text(w, text, format_line(w, text, sizeof(text), level, line));
}

void log_writer_sink(void *arg, enum log_level level, const char *line)
{
    struct log_writer *w = arg;
    int error = errno;
    struct queue *q;
    size_t len;
    bool urgent;

    if (!w->started) {
        write_now(w, level, line);
        errno = error;
        return;
    }
    pthread_mutex_lock(&w->lock);
    q = w->filling;
    len = format_line(w, q->text + q->len, sizeof(q->text) - q->len, level, line);
    if (len == 0) {
        w->dropped++;
    } else {
        urgent = level <= LOG_LEVEL_WARNING || q->len + len >= ENOUGH_BYTES;
        if (q->len == 0 || (urgent && !w->urgent)) {
            pthread_cond_signal(&w->more);
        }
        q->len += len;
        w->urgent = w->urgent || urgent;
    }
    pthread_mutex_unlock(&w->lock);
    errno = error;
}
