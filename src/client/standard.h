/* SPDX-License-Identifier: BSD-2-Clause */
/* client/standard.h: standard input, output and error, as whoever started us left them. */
#ifndef CLIENT_STANDARD_H
#define CLIENT_STANDARD_H

#include <stdbool.h>

/* A socket that became descriptor 1 would be taken for standard output. In place of each one that
 * is closed comes one that cannot be used the way it is meant. False: none could be opened. */
bool standard_fill(void);
bool standard_readable(int fd);
bool standard_writable(int fd);

#endif
