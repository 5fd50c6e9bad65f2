/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config_file.h: one configuration file, read by libconfuse through the option table. */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include <stddef.h>

#include <wherry/res.h>

#include "server/config.h"
#include "store/policy.h"

#define CONFIG_PLACE_BYTES 512

/* Where files said something, "FILE:LINE", for checks across them; or "". */
struct config_said {
    char write[CONFIG_PLACE_BYTES];
    char rule[CONFIG_PLACE_BYTES]; /* the first */
};

/* Stores what the file says in c, over what is there; endpoints are added to those that were said
 * before. Rules are added to `rules`, places to said. On failure why holds "FILE:LINE: what was
 * wrong and what is allowed"; RES_PROTOCOL, or why the file cannot be read (RES_NOT_FOUND,
 * RES_DENIED ...), or RES_NO_MEMORY; c is then half changed. */
enum res config_file_read(const char *path, struct config *c, struct policy_rules *rules,
                          struct config_said *said, char *why, size_t cap);

#endif
