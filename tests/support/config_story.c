/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/config_story.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 32

int config_story_setup(void **state)
{
    struct config_story *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");

    if (f == NULL) {
        return -1;
    }
    snprintf(f->dir, sizeof(f->dir), "%s/wherry-config-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(f->dir) == NULL) {
        free(f);
        return -1;
    }
    snprintf(f->path, sizeof(f->path), "%s/wherryd.conf", f->dir);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int config_story_teardown(void **state)
{
    struct config_story *f = *state;
    int r = nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    config_free(f->config);
    free(f);
    return r;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void config_story_write(struct config_story *f, const char *text)
{
    write_file(f->path, text);
}

const char *config_story_dir_path(struct config_story *f, const char *name)
{
    snprintf(f->dir_path, sizeof(f->dir_path), "%s/conf.d", f->dir);
    if (mkdir(f->dir_path, 0755) == -1) {
        assert_int_equal(errno, EEXIST);
    }
    snprintf(f->dir_path, sizeof(f->dir_path), "%s/conf.d/%s", f->dir, name);
    return f->dir_path;
}

void config_story_write_dir(struct config_story *f, const char *name, const char *text)
{
    write_file(config_story_dir_path(f, name), text);
}

void config_story_read(struct config_story *f, const char *const words[])
{
    char *argv[WORDS_MAX + 2] = {(char *)(uintptr_t) "wherryd"};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < WORDS_MAX);
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    }
    config_free(f->config);
    f->config = NULL;
    f->why[0] = '\0';
    f->r = config_read(argc, argv, &f->config, &f->wish, f->why, sizeof(f->why));
}

void config_story_option(struct config_story *f, const char *key, const char *value)
{
    char word[PATH_BYTES];

    snprintf(word, sizeof(word), "--%s=%s", key, value);
    READ(f, "--config", "/dev/null", word);
}

void config_story_key(struct config_story *f, const char *key, const char *value)
{
    char text[PATH_BYTES];

    snprintf(text, sizeof(text), "# comment\n\n%s = \"%s\"\n", key, value);
    config_story_write(f, text);
    READ(f, "--config", f->path);
}

char *config_story_print(const struct config_story *f)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    config_print(f->config, to);
    assert_int_equal(fclose(to), 0);
    return text;
}

void config_story_expect_ok(const struct config_story *f)
{
    if (f->r != RES_OK) {
        fail_msg("%s: %s", wherry_res_text(f->r), f->why);
    }
    assert_non_null(f->config);
}

void config_story_expect_refused(const struct config_story *f, const char *part)
{
    assert_int_equal(f->r, RES_PROTOCOL);
    assert_null(f->config);
    if (strstr(f->why, part) == NULL) {
        fail_msg("'%s' does not say '%s'", f->why, part);
    }
    assert_null(strchr(f->why, '\n'));
}
