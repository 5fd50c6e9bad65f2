/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config_file.h: the configuration file, read by libconfuse through the option table. */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include <stddef.h>

#include <wherry/res.h>

#include "server/config.h"

/* Stores what the file says in c. On failure why holds "FILE:LINE: what was wrong and what is
 * allowed"; RES_PROTOCOL, or why the file cannot be read (RES_NOT_FOUND, RES_DENIED ...), or
 * RES_NO_MEMORY; c is then half changed. */
enum res config_file_read(const char *path, struct config *c, char *why, size_t cap);

#endif
