/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry get -r` against a server of the file protocol that follows a script. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_tcp.h"

#define ALL UINT64_MAX
#define V 7 /* of the validator of files */
#define FILE_KIND SCRIPTED_TCP_FILE
#define DIR_KIND SCRIPTED_TCP_DIRECTORY

/* Statuses as the protocol numbers them. */
#define OK 0
#define NOT_FOUND 2
#define DENIED 3

/* What the program said lies in the scratch directory too. */
#define OUTPUT_FILES 2

static void start(struct scripted_tcp *s, const char *words)
{
    program_start(&s->program, words);
}

static void ends(struct scripted_tcp *s, int code)
{
    program_ends(&s->program, code);
}

/* What the URL is. */
static void serve_stat(struct scripted_tcp *s, const char *path, uint8_t kind)
{
    scripted_tcp_take_path(s, TCP_STAT, path);
    scripted_tcp_info(s, kind, 0, 0, V);
    scripted_tcp_end(s, OK, "");
}

static void serve(struct scripted_tcp *s, const char *path, const char *text)
{
    scripted_tcp_take_get(s, path, 0, ALL, -1);
    scripted_tcp_get_reply(s, strlen(text), 0, strlen(text), V);
    if (text[0] != '\0') {
        scripted_tcp_data(s, text, strlen(text));
    }
    scripted_tcp_end(s, OK, "");
}

/* STAT and LIST of a directory come together. The listing is begun; entries and END follow. */
static void begin_list(struct scripted_tcp *s, const char *path, uint8_t validator)
{
    uint32_t list;

    scripted_tcp_take_path(s, TCP_STAT, path);
    list = s->id;
    scripted_tcp_info(s, DIR_KIND, 0, 0, validator);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_list(s, path, "");
    assert_int_not_equal(s->id, list);
}

/* A directory of one entry. */
static void serve_one(struct scripted_tcp *s, const char *path, uint8_t validator, uint8_t kind,
                      const char *name)
{
    begin_list(s, path, validator);
    scripted_tcp_entry(s, kind, 0, 0, name);
    scripted_tcp_end(s, OK, "");
}

static void serve_empty(struct scripted_tcp *s, const char *path, uint8_t validator)
{
    begin_list(s, path, validator);
    scripted_tcp_end(s, OK, "");
}

/* --- a copy --- */

static void serve_odd_tree(struct scripted_tcp *s)
{
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "empty");
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "sub");
    scripted_tcp_end(s, OK, "");
    serve(s, "dir/a", "one");
    serve_empty(s, "dir/empty", 2);
    begin_list(s, "dir/sub", 3);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "\n");
    scripted_tcp_entry(s, FILE_KIND, 5, 0, "-r");
    scripted_tcp_entry(s, FILE_KIND, 0, 0, "back\\slash");
    scripted_tcp_entry(s, FILE_KIND, 4, 0, "\xff\xfe");
    scripted_tcp_end(s, OK, "");
    serve(s, "dir/sub/\n", "two");
    serve(s, "dir/sub/-r", "three");
    serve(s, "dir/sub/back\\slash", "");
    serve(s, "dir/sub/\xff\xfe", "four");
}

static void is_odd_tree(const char *top)
{
    char path[256];
    struct stat st;

    assert_int_equal(scratch_count(top), 3);
    (void)snprintf(path, sizeof(path), "%s/a", top);
    scratch_holds(path, "one");
    (void)snprintf(path, sizeof(path), "%s/empty", top);
    assert_return_code(stat(path, &st), errno);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(scratch_count(path), 0);
    (void)snprintf(path, sizeof(path), "%s/sub", top);
    assert_int_equal(scratch_count(path), 4);
    (void)snprintf(path, sizeof(path), "%s/sub/\n", top);
    scratch_holds(path, "two");
    (void)snprintf(path, sizeof(path), "%s/sub/-r", top);
    scratch_holds(path, "three");
    (void)snprintf(path, sizeof(path), "%s/sub/back\\slash", top);
    scratch_holds(path, "");
    (void)snprintf(path, sizeof(path), "%s/sub/\xff\xfe", top);
    scratch_holds(path, "four");
}

static void test_a_tree_is_copied_over_one_connection(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir");
    scripted_tcp_greet(s);
    serve_odd_tree(s);
    ends(s, 0);
    scripted_tcp_no_connection(s);
    program_file_is("stderr", "", 0);
    is_odd_tree("dir");
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

static void test_local_becomes_the_copy_unless_it_exists(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir/ copy");
    scripted_tcp_greet(s);
    serve_odd_tree(s);
    ends(s, 0);
    is_odd_tree("copy");

    scratch_dir("old");
    start(s, "get -r URL/dir old");
    scripted_tcp_greet(s);
    serve_odd_tree(s);
    ends(s, 0);
    is_odd_tree("old/dir");
}

static void test_the_root_goes_where_the_user_says(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/ .");
    scripted_tcp_greet(s);
    serve_stat(s, "", DIR_KIND);
    serve_one(s, "", 1, FILE_KIND, "a");
    serve(s, "a", "one");
    ends(s, 0);
    scratch_holds("a", "one");

    start(s, "get -r URL/");
    scripted_tcp_greet(s);
    serve_stat(s, "", DIR_KIND);
    ends(s, 2);
    program_says("LOCAL is needed");
}

static void test_recursive_takes_files_too(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir/a URL/b");
    scripted_tcp_greet(s);
    serve_stat(s, "dir/a", FILE_KIND);
    serve(s, "dir/a", "one");
    scripted_tcp_take_path(s, TCP_STAT, "b");
    scripted_tcp_end(s, NOT_FOUND, "");
    ends(s, 8);
    scratch_holds("a", "one");
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

static void test_a_directory_does_not_go_to_standard_output(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir -");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    ends(s, 2);
}

/* --- what goes wrong on the way --- */

static void test_failures_do_not_stop_the_others(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "b");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "c");
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_get(s, "dir/a", 0, ALL, -1);
    scripted_tcp_end(s, DENIED, "");
    begin_list(s, "dir/b", 2);
    scripted_tcp_end(s, NOT_FOUND, "");
    serve(s, "dir/c", "one");
    ends(s, 6);
    program_says("/dir/a: access denied");
    program_says("/dir/b: ");
    scratch_holds("dir/c", "one");
}

static void test_a_lost_connection_ends_it_and_resume_goes_on(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "b");
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_get(s, "dir/a", 0, ALL, -1);
    scripted_tcp_get_reply(s, 3, 0, 3, V);
    scripted_tcp_data(s, "on", 2);
    scripted_tcp_close(s);
    ends(s, 4);
    scripted_tcp_no_connection(s);
    program_says("/dir/a: ");
    program_says("2 bytes are kept: run again with --resume");
    assert_int_equal(scratch_count("dir"), 1);

    start(s, "get -r --resume URL/dir");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "b");
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_get(s, "dir/a", 2, ALL, V);
    scripted_tcp_get_reply(s, 3, 2, 1, V);
    scripted_tcp_data(s, "e", 1);
    scripted_tcp_end(s, OK, "");
    serve(s, "dir/b", "two");
    ends(s, 0);
    scratch_holds("dir/a", "one");
    scratch_holds("dir/b", "two");
    assert_int_equal(scratch_count("dir"), 2);
}

static void test_no_clobber_leaves_what_is_here_alone(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("dir");
    scratch_file("dir/a", "mine");
    start(s, "get -r --no-clobber -v URL/dir .");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "b");
    scripted_tcp_end(s, OK, "");
    serve(s, "dir/b", "two");
    ends(s, 0);
    program_says("a exists and is left alone");
    scratch_holds("dir/a", "mine");
    scratch_holds("dir/b", "two");
}

static void test_a_signal_ends_it(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir URL/other");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    program_signal(&s->program, SIGINT);
    scripted_tcp_gone(s);
    ends(s, 130);
    scripted_tcp_no_connection(s);
}

/* --- servers that mean harm --- */

static void test_names_that_lead_elsewhere_end_it(void **state)
{
    struct scripted_tcp *s = *state;
    static const char *const names[] = {"..", ".", "a/b", "/etc", "", ".wherry-abcdefgh"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        start(s, "get -r URL/dir");
        scripted_tcp_greet(s);
        serve_stat(s, "dir", DIR_KIND);
        begin_list(s, "dir", 1);
        scripted_tcp_entry(s, FILE_KIND, 3, 0, names[i]);
        ends(s, 7);
        assert_int_equal(scratch_count("dir"), 0);
        assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
    }
}

static void test_a_local_link_is_not_followed(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("outside");
    scratch_file("precious", "precious");
    scratch_dir("dir");
    scratch_link("../precious", "dir/file");
    scratch_link("../outside", "dir/sub");
    start(s, "get -r URL/dir .");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "file");
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "sub");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "z");
    scripted_tcp_end(s, OK, "");
    serve(s, "dir/z", "one");
    ends(s, 3);
    program_says("/dir/file: ");
    program_says("/dir/sub: ");
    scratch_holds("precious", "precious");
    assert_int_equal(scratch_count("outside"), 0);
    scratch_holds("dir/z", "one");
}

static void test_files_and_directories_do_not_take_each_others_place(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("dir");
    scratch_dir("dir/a");
    scratch_file("dir/b", "old");
    assert_return_code(mkfifo("dir/c", 0600), errno);
    start(s, "get -r URL/dir .");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "a");
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "b");
    scripted_tcp_entry(s, FILE_KIND, 0, 0, "c");
    scripted_tcp_end(s, OK, "");
    ends(s, 3);
    scratch_holds("dir/b", "old");
    assert_int_equal(scratch_count("dir/a"), 0);
}

static void test_a_directory_that_leads_back_is_left_out(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get -r URL/dir");
    scripted_tcp_greet(s);
    serve_stat(s, "dir", DIR_KIND);
    begin_list(s, "dir", 1);
    scripted_tcp_entry(s, DIR_KIND, 0, 0, "loop");
    scripted_tcp_entry(s, FILE_KIND, 3, 0, "z");
    scripted_tcp_end(s, OK, "");
    serve_one(s, "dir/loop", 1, DIR_KIND, "loop"); /* the same directory */
    serve(s, "dir/z", "one");
    ends(s, 8);
    program_says("/dir/loop: it leads back");
    scratch_holds("dir/z", "one");
}

static void test_depth_has_an_end(void **state)
{
    struct scripted_tcp *s = *state;
    char path[1024] = "d";

    start(s, "get -r URL/d");
    scripted_tcp_greet(s);
    serve_stat(s, path, DIR_KIND);
    for (unsigned depth = 1; depth <= 128; depth++) {
        serve_one(s, path, 0, DIR_KIND, "d"); /* a validator of zeros tells nothing */
        (void)strcat(path, "/d");
    }
    ends(s, 8);
    program_says("128 directories are the most");
    scripted_tcp_no_connection(s);
}

static void test_a_path_that_cannot_be_asked_for_is_said(void **state)
{
    struct scripted_tcp *s = *state;
    char name[256];
    char path[2048] = "d";

    memset(name, 'n', 255);
    name[255] = '\0';
    start(s, "get -r URL/d");
    scripted_tcp_greet(s);
    serve_stat(s, path, DIR_KIND);
    for (int depth = 0; depth < 4; depth++) { /* 1 + 4 * 256 = 1025 bytes */
        serve_one(s, path, (uint8_t)(depth + 1), DIR_KIND, name);
        (void)strcat(strcat(path, "/"), name);
    }
    ends(s, 8);
    program_says("too long");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_tree_is_copied_over_one_connection),
        TEST(test_local_becomes_the_copy_unless_it_exists),
        TEST(test_the_root_goes_where_the_user_says),
        TEST(test_recursive_takes_files_too),
        TEST(test_a_directory_does_not_go_to_standard_output),
        TEST(test_failures_do_not_stop_the_others),
        TEST(test_a_lost_connection_ends_it_and_resume_goes_on),
        TEST(test_no_clobber_leaves_what_is_here_alone),
        TEST(test_a_signal_ends_it),
        TEST(test_names_that_lead_elsewhere_end_it),
        TEST(test_a_local_link_is_not_followed),
        TEST(test_files_and_directories_do_not_take_each_others_place),
        TEST(test_a_directory_that_leads_back_is_left_out),
        TEST(test_depth_has_an_end),
        TEST(test_a_path_that_cannot_be_asked_for_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
