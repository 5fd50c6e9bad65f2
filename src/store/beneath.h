/* SPDX-License-Identifier: BSD-2-Clause */
/* store/beneath.h: openat2(2), the one call by which paths are resolved beneath a root. */
#ifndef STORE_BENEATH_H
#define STORE_BENEATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Opens path as if root_fd were "/": `..` and absolute links end there, magic links (those of
 * /proc) are refused with ELOOP. resolve: further RESOLVE_* flags of linux/openat2.h. The
 * descriptor is close-on-exec. Returns it, or -1 and errno; EAGAIN without RESOLVE_CACHED means
 * that directories above were being renamed all the time. */
int beneath_open(int root_fd, const char *path, int flags, uint64_t resolve);

/* A name that was looked up twice still means the same file. */
bool beneath_same_file(const struct stat *a, const struct stat *b);

#endif
