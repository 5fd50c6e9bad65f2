/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config_files.h: which files are the configuration, and in which order: the main one, and
 * behind it those of the directory `conf.d` beside it whose names end in ".conf" and do not begin
 * with a dot, in the bytewise order of the names; directories are passed over, and what is
 * /dev/null, by which a file is masked.
 *
 * Of values the last one said counts, endpoints come together, and the rules of conf.d are judged
 * before those of the main file. */
#ifndef SERVER_CONFIG_FILES_H
#define SERVER_CONFIG_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/res.h>

#include "server/config.h"
#include "server/config_file.h"

#define CONFIG_DIR "conf.d"
#define CONFIG_DIR_FILES_MAX 1024

/* Stores what the files say in c, its rules too. named: the main file must be there, and if it is
 * no regular file (a pipe, /dev/null) nothing is looked for beside it; else it may be missing.
 * c->file is set if any file was read. Otherwise as config_file_read(). */
enum res config_files_read(const char *main_path, bool named, struct config *c,
                           struct config_said *said, char *why, size_t cap);

#endif
