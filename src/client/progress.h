/* SPDX-License-Identifier: BSD-2-Clause */
/* client/progress.h: how far a transfer is, in one line. Pure: numbers in, text out. */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_BYTES 512
#define PROGRESS_SIZE_BYTES 16
#define PROGRESS_TOTAL_UNKNOWN UINT64_MAX

/* What the line is made of. All zero, but for total, is a beginning. */
struct progress {
    uint64_t bytes;
    uint64_t total; /* or PROGRESS_TOTAL_UNKNOWN */
    uint64_t rate;  /* bytes a second, smoothed */
    uint64_t sampled_bytes;
    uint64_t sampled_ns;
    uint32_t samples;
};

void progress_init(struct progress *p, uint64_t now_ns);
/* Takes the figures of now into the rate. Call it at even times, some times a second. */
void progress_sample(struct progress *p, uint64_t bytes, uint64_t total, uint64_t now_ns);

/* "812 B", "1.5 KiB", "7.7 MiB": at most four digits. Returns buf. */
char *progress_print_size(uint64_t bytes, char buf[PROGRESS_SIZE_BYTES]);
/* "zImage  3.9 MiB of 7.7 MiB  50 %  6.4 MiB/s  0:03 left", in at most `width` columns: the name
 * is cut from its front, then left out; percent and time left are missing while the total is
 * unknown. name is printable. Returns buf. */
char *progress_print_line(const struct progress *p, const char *name, size_t width,
                          char buf[PROGRESS_LINE_BYTES]);
/* "zImage: 8123904 bytes in 1.2 s, 6.4 MiB/s". Returns buf. */
char *progress_print_closing(const char *name, uint64_t bytes, uint64_t elapsed_ns,
                             char buf[PROGRESS_LINE_BYTES]);

#endif
