/* SPDX-License-Identifier: BSD-2-Clause */
/* server/settings_text.h: the whole of a file of settings, ours or another server's. */
#ifndef SERVER_SETTINGS_TEXT_H
#define SERVER_SETTINGS_TEXT_H

#include <stddef.h>

#include <wherry/res.h>

/* All of the file, at most 1 MiB without a NUL, ended by one; the caller frees it. On failure why
 * (cap bytes) says what is wrong with it: RES_PROTOCOL, RES_TOO_LARGE, RES_NO_MEMORY, or that it
 * cannot be read. */
enum res settings_text_read(const char *path, char **ret, char *why, size_t cap);

#endif
