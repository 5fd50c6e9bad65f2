/* SPDX-License-Identifier: BSD-2-Clause */
/* server/missing_sums.h: repeats of one line, counted. A boot ROM that looks for a file which is
 * not there asks for it several times a second, for as long as it has power.
 *
 *   first of a pair --> say it; repeats within the hold --> counted; hold over --> one line
 *
 * Bounded: when there are too many pairs the oldest goes out early. Knows no loop and no log. */
#ifndef SERVER_MISSING_SUMS_H
#define SERVER_MISSING_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

struct missing_sums;

/* say(): a line about `times` repeats, worded like the last of them. */
enum res missing_sums_new(struct missing_sums **ret,
                          void (*say)(void *arg, const char *line, uint64_t times), void *arg);
/* Says what is counted. Takes NULL. */
void missing_sums_free(struct missing_sums *m);
void missing_sums_limit(struct missing_sums *m, uint64_t hold_ns, size_t pairs);

/* True: the caller logs the line now. False: it was counted. key tells pairs apart. */
bool missing_sums_add(struct missing_sums *m, const uint8_t *key, size_t key_len, const char *line,
                      uint64_t now_ns);
/* Says what is due. */
void missing_sums_expire(struct missing_sums *m, uint64_t now_ns);
/* When something is due next; UINT64_MAX: nothing. */
uint64_t missing_sums_deadline(const struct missing_sums *m);

#endif
