/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_files.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "support/config_story.h"

static void test_files_are_read_in_bytewise_order_and_the_last_value_wins(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "windowsize-max = 1\npatience = 1s\nblksize-max = 600\n");
    config_story_write_dir(f, "b.conf", "windowsize-max = 4\npatience = 4s\n");
    config_story_write_dir(f, "B.conf", "windowsize-max = 3\n");
    config_story_write_dir(f, "10.conf", "windowsize-max = 2\nuser = ten\n");
    config_story_write_dir(f, "9.conf", "user = nine\n");
    config_story_write_dir(f, "\xc3\xa4.conf", "windowsize-max = 5\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->windowsize_max, 5);
    assert_int_equal(f->config->patience_ns, 4 * NUMBER_SECOND);
    assert_string_equal(f->config->user, "nine");
    assert_int_equal(f->config->blksize_max, 600); /* said by the main file alone */
    assert_string_equal(f->config->file, f->path);
}

static void test_the_order_is_that_of_no_locale(void **state)
{
    struct config_story *f = *state;
    const char *set = setlocale(LC_ALL, "en_US.UTF-8");

    if (set == NULL) {
        set = setlocale(LC_ALL, "C.UTF-8"); /* always there, and as good as none */
    }
    assert_non_null(set);
    config_story_write(f, "");
    config_story_write_dir(f, "a.conf", "windowsize-max = 2\n"); /* behind B only by bytes */
    config_story_write_dir(f, "B.conf", "windowsize-max = 1\n");
    READ(f, "--config", f->path);
    assert_non_null(setlocale(LC_ALL, "C"));
    config_story_expect_ok(f);
    assert_int_equal(f->config->windowsize_max, 2);
}

static void test_command_line_wins_over_all_files(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "windowsize-max = 1\n");
    config_story_write_dir(f, "a.conf", "windowsize-max = 2\nlisten = \"tftp://127.0.0.1:2\"\n");
    READ(f, "--windowsize-max", "3", "--config", f->path, "--listen", "tftp://127.0.0.1:3");
    config_story_expect_ok(f);
    assert_int_equal(f->config->windowsize_max, 3);
    assert_int_equal(f->config->endpoint_count, 1);
    assert_string_equal(f->config->endpoint_urls[0], "tftp://127.0.0.1:3");
}

static void test_endpoints_of_all_files_come_together_in_place_of_the_presets(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "listen = {\"tftp://127.0.0.1:1\", \"tftp://127.0.0.1:2\"}\n");
    config_story_write_dir(f, "b.conf", "listen = {\"tftp://127.0.0.1:4\"}\n");
    config_story_write_dir(f, "a.conf", "listen = \"wherry://127.0.0.1:3\"\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(addr_port(&f->config->endpoints[i].addr), i + 1);
    }
    assert_false(f->config->endpoints_preset);

    config_story_write(f, "# nothing\n");
    assert_int_equal(unlink(config_story_dir_path(f, "b.conf")), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 1);
    assert_string_equal(f->config->endpoint_urls[0], "wherry://127.0.0.1:3");

    assert_int_equal(unlink(config_story_dir_path(f, "a.conf")), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_true(f->config->endpoints_preset);
}

static void test_a_set_is_a_value_and_does_not_grow(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "refuse-options = {tsize, windowsize}\n");
    config_story_write_dir(f, "a.conf", "refuse-options = {}\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->refuse_options, 0);
}

static void test_what_is_no_configuration_by_its_name_is_passed_over(void **state)
{
    static const char *const names[] = {".hidden.conf", ".conf", "a.conf.dpkg-new", "a.conf~",
                                        "README",       "conf",  "a.CONF",          "#a.conf#"};
    struct config_story *f = *state;

    config_story_write(f, "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        config_story_write_dir(f, names[i], "this is wrong");
    }
    assert_int_equal(mkdir(config_story_dir_path(f, "dir.conf"), 0755), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
}

static void test_an_error_names_the_file_and_line_that_is_wrong(void **state)
{
    struct config_story *f = *state;
    char place[3 * PATH_BYTES];

    config_story_write(f, "patience = 7s\n");
    config_story_write_dir(f, "a.conf", "\npatience = soon\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: patience: ", config_story_dir_path(f, "a.conf"));
    config_story_expect_refused(f, place);
    config_story_write_dir(f, "a.conf", "");
    config_story_write_dir(f, "b.conf", "root = \"x\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:1: this string is never closed",
             config_story_dir_path(f, "b.conf"));
    config_story_expect_refused(f, place);
}

static void test_a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct config_story *f = *state;
    const char *path;

    config_story_write(f, "");
    path = config_story_dir_path(f, "gone.conf");
    assert_int_equal(symlink("nowhere", path), 0);
    READ(f, "--config", f->path);
    assert_int_equal(f->r, RES_NOT_FOUND);
    assert_non_null(strstr(f->why, path));
    assert_int_equal(unlink(path), 0);

    path = config_story_dir_path(f, "fifo.conf"); /* to open it would wait for a writer */
    assert_int_equal(mkfifo(path, 0644), 0);
    READ(f, "--config", f->path);
    config_story_expect_refused(f, path);
    assert_int_equal(unlink(path), 0);

    path = config_story_dir_path(f, "secret.conf");
    config_story_write_dir(f, "secret.conf", "");
    assert_int_equal(chmod(path, 0), 0);
    READ(f, "--config", f->path);
    if (geteuid() == 0) {
        config_story_expect_ok(f); /* root reads all */
    } else {
        assert_int_equal(f->r, RES_DENIED);
        assert_non_null(strstr(f->why, path));
    }
}

static void test_a_directory_that_is_none_is_an_error(void **state)
{
    struct config_story *f = *state;
    char dir[2 * PATH_BYTES];
    FILE *file;

    config_story_write(f, "");
    snprintf(dir, sizeof(dir), "%s/conf.d", f->dir);
    file = fopen(dir, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    READ(f, "--config", f->path);
    assert_int_not_equal(f->r, RES_OK);
    assert_non_null(strstr(f->why, dir));
}

/* The rules in it must not be lost without a word, and everybody be allowed all. */
static void test_a_directory_that_leads_nowhere_is_an_error(void **state)
{
    struct config_story *f = *state;
    char dir[2 * PATH_BYTES];

    config_story_write(f, "");
    snprintf(dir, sizeof(dir), "%s/conf.d", f->dir);
    assert_int_equal(symlink("nowhere", dir), 0);
    READ(f, "--config", f->path);
    assert_int_equal(f->r, RES_NOT_FOUND);
    assert_non_null(strstr(f->why, dir));
}

static void test_a_device_that_never_ends_is_refused(void **state)
{
    struct config_story *f = *state;
    const char *path;

    config_story_write(f, "");
    path = config_story_dir_path(f, "zero.conf");
    assert_int_equal(symlink("/dev/zero", path), 0);
    READ(f, "--config", f->path);
    config_story_expect_refused(f, "neither a file nor /dev/null");
}

static void test_a_link_to_the_null_device_masks_a_file(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "patience = 7s\n");
    assert_int_equal(symlink("/dev/null", config_story_dir_path(f, "a.conf")), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * NUMBER_SECOND);
}

static void test_nothing_is_looked_for_beside_what_is_no_regular_file(void **state)
{
    struct config_story *f = *state;

    config_story_write_dir(f, "a.conf", "this is wrong");
    assert_int_equal(symlink("/dev/null", f->path), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
}

static void test_a_relative_name_has_its_directory_beside_it(void **state)
{
    struct config_story *f = *state;
    char before[4096];

    assert_non_null(getcwd(before, sizeof(before)));
    config_story_write(f, "");
    config_story_write_dir(f, "a.conf", "patience = 9s\n");
    assert_int_equal(chdir(f->dir), 0);
    READ(f, "--config", "wherryd.conf");
    assert_int_equal(chdir(before), 0);
    config_story_expect_ok(f);
    assert_int_equal(f->config->patience_ns, 9 * NUMBER_SECOND);
}

/* As config_read() does it for the file that nobody named. */
static enum res read_default(struct config_story *f, struct config *c)
{
    struct config_said said = {.write = ""};

    c->endpoints_preset = true;
    return config_files_read(f->path, false, c, &said, f->why, sizeof(f->why));
}

static void test_the_directory_is_read_where_the_default_file_is_missing(void **state)
{
    struct config_story *f = *state;
    struct config *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    assert_int_equal(read_default(f, c), RES_OK);
    assert_null(c->file);
    config_story_write_dir(f, "a.conf", "patience = 9s\nrule { allow = {} }\n");
    assert_int_equal(read_default(f, c), RES_OK);
    assert_int_equal(c->patience_ns, 9 * NUMBER_SECOND);
    assert_int_equal(policy_rules_count(c->rules), 1);
    assert_string_equal(c->file, f->path); /* the main file's name all the same */
    config_free(c);
}

static void test_a_default_file_that_leads_nowhere_is_an_error(void **state)
{
    struct config_story *f = *state;
    struct config *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    assert_int_equal(symlink("nowhere", f->path), 0);
    assert_int_equal(read_default(f, c), RES_NOT_FOUND);
    assert_non_null(strstr(f->why, f->path));
    config_free(c);
}

static void test_too_many_files_are_refused_with_their_number(void **state)
{
    struct config_story *f = *state;
    char name[32];
    char said[64];

    config_story_write(f, "");
    for (int i = 0; i < CONFIG_DIR_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "%04d.conf", i);
        config_story_write_dir(f, name, "");
    }
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    config_story_write_dir(f, "more.conf", "");
    READ(f, "--config", f->path);
    snprintf(said, sizeof(said), "%d files, at most %d", CONFIG_DIR_FILES_MAX + 1,
             CONFIG_DIR_FILES_MAX);
    config_story_expect_refused(f, said);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_story_setup, config_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files_are_read_in_bytewise_order_and_the_last_value_wins),
        TEST(test_the_order_is_that_of_no_locale),
        TEST(test_command_line_wins_over_all_files),
        TEST(test_endpoints_of_all_files_come_together_in_place_of_the_presets),
        TEST(test_a_set_is_a_value_and_does_not_grow),
        TEST(test_what_is_no_configuration_by_its_name_is_passed_over),
        TEST(test_an_error_names_the_file_and_line_that_is_wrong),
        TEST(test_a_file_that_cannot_be_read_is_an_error),
        TEST(test_a_directory_that_is_none_is_an_error),
        TEST(test_a_directory_that_leads_nowhere_is_an_error),
        TEST(test_a_device_that_never_ends_is_refused),
        TEST(test_a_link_to_the_null_device_masks_a_file),
        TEST(test_a_default_file_that_leads_nowhere_is_an_error),
        TEST(test_nothing_is_looked_for_beside_what_is_no_regular_file),
        TEST(test_a_relative_name_has_its_directory_beside_it),
        TEST(test_the_directory_is_read_where_the_default_file_is_missing),
        TEST(test_too_many_files_are_refused_with_their_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
