/* SPDX-License-Identifier: BSD-2-Clause */
/* support/config_story.h: a directory with a configuration file in it, and what config_read()
 * answered last. */
#ifndef SUPPORT_CONFIG_STORY_H
#define SUPPORT_CONFIG_STORY_H

#include "server/config.h"

#define PATH_BYTES 256

struct config_story {
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 16];
    char dir_path[2 * PATH_BYTES];
    struct config *config;
    struct config_wish wish;
    enum res r;
    char why[CONFIG_WHY];
};

/* cmocka fixtures. */
int config_story_setup(void **state);
int config_story_teardown(void **state);

void config_story_write(struct config_story *f, const char *text);
/* A file of conf.d, beside it. */
void config_story_write_dir(struct config_story *f, const char *name, const char *text);
/* A name in conf.d, or ("") conf.d itself; good until the next call. */
const char *config_story_dir_path(struct config_story *f, const char *name);
/* Reads `wherryd WORDS...`; words end with NULL. */
void config_story_read(struct config_story *f, const char *const words[]);
#define READ(f, ...) config_story_read(f, (const char *const[]){__VA_ARGS__, NULL})
/* From the command line alone: no file of this machine disturbs. */
void config_story_option(struct config_story *f, const char *key, const char *value);
/* From a file alone, on its third line. */
void config_story_key(struct config_story *f, const char *key, const char *value);

/* The settings as --check prints them; the caller frees the text. */
char *config_story_print(const struct config_story *f);

void config_story_expect_ok(const struct config_story *f);
/* One line, which says this. */
void config_story_expect_refused(const struct config_story *f, const char *part);

#endif
