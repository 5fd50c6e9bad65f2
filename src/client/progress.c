/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

#define NAME_LEAST 8 /* columns; a shorter rest of the name tells nobody anything */
#define DAY_SECONDS UINT64_C(86400)

void progress_init(struct progress *p, uint64_t now_ns)
{
    *p = (struct progress){.total = PROGRESS_TOTAL_UNKNOWN, .sampled_ns = now_ns};
}

/* bytes / time without overflow for sizes of up to 2^63 bytes. */
static uint64_t rate_of(uint64_t bytes, uint64_t elapsed_ns)
{
    double rate;

    if (elapsed_ns == 0) {
        return 0;
    }
    rate = (double)bytes * (double)NUMBER_SECOND / (double)elapsed_ns;
    return rate < 1e18 ? (uint64_t)rate : (uint64_t)1e18;
}

void progress_sample(struct progress *p, uint64_t bytes, uint64_t total, uint64_t now_ns)
{
    uint64_t newest;

    p->bytes = bytes;
    p->total = total;
    if (now_ns <= p->sampled_ns || bytes < p->sampled_bytes) {
        return;
    }
    newest = rate_of(bytes - p->sampled_bytes, now_ns - p->sampled_ns);
    /* The plain mean of the first eight, then each new one weighs an eighth. */
    p->samples += p->samples < 8 ? 1 : 0;
    p->rate = p->rate - p->rate / p->samples + newest / p->samples;
    p->sampled_bytes = bytes;
    p->sampled_ns = now_ns;
}

char *progress_print_size(uint64_t bytes, char buf[PROGRESS_SIZE_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t whole = bytes / 1024;
    uint64_t rest = bytes % 1024;

    if (bytes < 1024) {
        (void)snprintf(buf, PROGRESS_SIZE_BYTES, "%u B", (unsigned)bytes);
        return buf;
    }
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (whole < 100) {
        (void)snprintf(buf, PROGRESS_SIZE_BYTES, "%u.%u %s", (unsigned)whole,
                       (unsigned)(rest * 10 / 1024), units[unit]);
    } else {
        (void)snprintf(buf, PROGRESS_SIZE_BYTES, "%u %s", (unsigned)whole, units[unit]);
    }
    return buf;
}

/* "0:03", "12:34", "1:02:03". */
static void print_time_left(uint64_t seconds, char *buf, size_t cap)
{
    unsigned hours;
    unsigned minutes;

    if (seconds >= DAY_SECONDS) {
        (void)snprintf(buf, cap, "over a day");
        return;
    }
    hours = (unsigned)(seconds / 3600);
    minutes = (unsigned)(seconds / 60 % 60);
    if (hours > 0) {
        (void)snprintf(buf, cap, "%u:%02u:%02u", hours, minutes, (unsigned)(seconds % 60));
    } else {
        (void)snprintf(buf, cap, "%u:%02u", minutes, (unsigned)(seconds % 60));
    }
}

static void print_figures(const struct progress *p, char *buf, size_t cap)
{
    char bytes[PROGRESS_SIZE_BYTES];
    char total[PROGRESS_SIZE_BYTES];
    char rate[PROGRESS_SIZE_BYTES];
    char left[16];

    (void)progress_print_size(p->bytes, bytes);
    (void)progress_print_size(p->rate, rate);
    /* A file that turns out longer than announced has no percentage. */
    if (p->total == PROGRESS_TOTAL_UNKNOWN || p->bytes > p->total) {
        (void)snprintf(buf, cap, "%s  %s/s", bytes, rate);
        return;
    }
    if (p->rate > 0) {
        print_time_left((p->total - p->bytes + p->rate - 1) / p->rate, left, sizeof(left));
    } else {
        (void)snprintf(left, sizeof(left), "?");
    }
    (void)snprintf(
        buf, cap, "%s of %s  %u %%  %s/s  %s left", bytes, progress_print_size(p->total, total),
        p->total > 0 ? (unsigned)((double)p->bytes * 100.0 / (double)p->total) : 100u, rate, left);
}

/* Columns that the byte of UTF-8 text may add. Characters of three and four bytes count twice: the
 * wide ones of East Asia are among them, and a line that is too short harms nobody. */
static size_t columns_at(const char *text)
{
    unsigned char c = (unsigned char)*text;

    if ((c & 0xc0) == 0x80) {
        return 0;
    }
    return c >= 0xe0 ? 2 : 1;
}

static size_t columns_of(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += columns_at(text);
    }
    return n;
}

/* The last characters, `columns` wide at most. */
static const char *tail_of(const char *text, size_t columns)
{
    size_t left = columns_of(text);

    while (left > columns || ((unsigned char)*text & 0xc0) == 0x80) {
        left -= columns_at(text);
        text++;
    }
    return text;
}

char *progress_print_line(const struct progress *p, const char *name, size_t width,
                          char buf[PROGRESS_LINE_BYTES])
{
    char figures[128];
    size_t room;

    print_figures(p, figures, sizeof(figures));
    room = width > strlen(figures) + 2 ? width - strlen(figures) - 2 : 0;
    if (columns_of(name) <= room) {
        (void)snprintf(buf, PROGRESS_LINE_BYTES, "%.256s  %s", name, figures);
    } else if (room >= NAME_LEAST) {
        (void)snprintf(buf, PROGRESS_LINE_BYTES, "...%.256s  %s",
                       tail_of(name, room - 3 < 64 ? room - 3 : 64), figures);
    } else {
        (void)snprintf(buf, PROGRESS_LINE_BYTES, "%.*s", (int)(width < 128 ? width : 127), figures);
    }
    return buf;
}

char *progress_print_closing(const char *name, uint64_t bytes, uint64_t elapsed_ns,
                             char buf[PROGRESS_LINE_BYTES])
{
    char rate[PROGRESS_SIZE_BYTES];
    uint64_t tenths = elapsed_ns / (NUMBER_SECOND / 10);

    (void)snprintf(buf, PROGRESS_LINE_BYTES, "%.256s: %" PRIu64 " byte%s in %" PRIu64 ".%u s, %s/s",
                   name, bytes, bytes == 1 ? "" : "s", tenths / 10, (unsigned)(tenths % 10),
                   progress_print_size(rate_of(bytes, elapsed_ns), rate));
    return buf;
}
