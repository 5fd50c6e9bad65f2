/* SPDX-License-Identifier: BSD-2-Clause */
/* support/openat2_answers.h: a kernel that answers openat2(2) as it is told. The test is to be
 * linked with -Wl,--wrap=syscall. */
#ifndef SUPPORT_OPENAT2_ANSWERS_H
#define SUPPORT_OPENAT2_ANSWERS_H

#include <stdbool.h>

/* The next so many calls fail with this error; cached: only look-ups in the cache alone. 0 times:
 * the real answers again. */
void openat2_answers(int error, unsigned times, bool cached);
/* How many are left of them. */
unsigned openat2_answers_left(void);

#endif
