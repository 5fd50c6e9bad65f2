/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry put -r`, against a server that follows a script. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <wherry/frame.h>

#include "support/put_story.h"
#include "support/scratch.h"

/* There is nothing of that name on the server. */
static void say_missing(struct scripted_tcp *s, const char *path)
{
    scripted_tcp_take_path(s, TCP_STAT, path);
    scripted_tcp_end(s, WHERRY_STATUS_NOT_FOUND, "");
}

static void say_what(struct scripted_tcp *s, const char *path, uint8_t kind)
{
    scripted_tcp_take_path(s, TCP_STAT, path);
    scripted_tcp_info(s, kind, 0, 0, 1);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
}

static void test_tree_becomes_the_url_with_all_that_is_in_it(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_dir("tree/b empty");
    scratch_dir("tree/c");
    scratch_file("tree/c/a\\b", "back");
    scratch_file("tree/c/\xff\n;", "odd");
    scratch_file("tree/a", "aa");
    scratch_file("tree/z", "");
    program_start(&s->program, "put -r tree URL/up/t");
    scripted_tcp_greet(s);
    say_missing(s, "up/t");
    put_story_directory(s, "up/t");
    put_story(s, "up/t/a", "aa", 2);
    put_story_directory(s, "up/t/b empty");
    put_story_directory(s, "up/t/c");
    put_story(s, "up/t/c/a\\b", "back", 4);
    put_story(s, "up/t/c/\xff\n;", "odd", 3);
    put_story(s, "up/t/z", "", 0);
    scripted_tcp_gone(s);
    program_ends(&s->program, 0);
    program_file_is("stderr", "", 0);
}

static void test_tree_goes_into_a_directory_that_exists(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_file("tree/a", "aa");
    program_start(&s->program, "put -r tree/ URL/up");
    scripted_tcp_greet(s);
    say_what(s, "up", SCRIPTED_TCP_DIRECTORY);
    put_story_directory(s, "up/tree");
    put_story(s, "up/tree/a", "aa", 2);
    program_ends(&s->program, 0);
}

static void test_url_with_a_slash_at_its_end_is_not_asked_for(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    program_ends(&s->program, 0);
}

static void test_directory_without_a_name_gives_what_is_in_it(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_file("tree/a", "aa");
    program_start(&s->program, "put -r tree/. URL/");
    scripted_tcp_greet(s);
    put_story(s, "a", "aa", 2);
    program_ends(&s->program, 0);
}

static void test_directories_may_exist(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_file("tree/a", "aa");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_MKDIR, "tree");
    scripted_tcp_end(s, WHERRY_STATUS_EXISTS, "");
    say_what(s, "tree", SCRIPTED_TCP_DIRECTORY);
    put_story(s, "tree/a", "aa", 2);
    program_ends(&s->program, 0);
}

static void test_file_in_place_of_a_directory_fails_for_what_is_in_it(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_dir("tree/b");
    scratch_file("tree/b/lost", "xx");
    scratch_file("tree/c", "cc");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    scripted_tcp_take_path(s, TCP_MKDIR, "tree/b");
    scripted_tcp_end(s, WHERRY_STATUS_EXISTS, "");
    say_what(s, "tree/b", SCRIPTED_TCP_FILE);
    put_story(s, "tree/c", "cc", 2);
    program_ends(&s->program, 8);
    program_says("/tree/b: ");
}

static void test_what_is_no_file_is_skipped_with_a_warning(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    assert_return_code(mkfifo("tree/fifo", 0600), errno);
    scratch_file("tree/z", "zz");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    put_story(s, "tree/z", "zz", 2);
    program_ends(&s->program, 0);
    program_says("tree/fifo: skipped");
}

static void test_links_are_followed_but_never_in_circles(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_dir("tree/d");
    scratch_file("tree/d/f", "ff");
    scratch_link("..", "tree/d/up");
    scratch_link("d", "tree/e");
    scratch_link("d/f", "tree/g");
    scratch_link("nowhere", "tree/h");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    put_story_directory(s, "tree/d");
    put_story(s, "tree/d/f", "ff", 2);
    put_story_directory(s, "tree/e");
    put_story(s, "tree/e/f", "ff", 2);
    put_story(s, "tree/g", "ff", 2);
    program_ends(&s->program, 3);
    program_says("tree/d/up: it leads back");
    program_says("tree/h: the link leads nowhere");
}

static void test_names_that_no_request_carries_are_left_out(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_dir("tree/.wherry-d");
    scratch_file("tree/.wherry-d/x", "xx");
    scratch_file("tree/.wherry-x", "xx");
    scratch_file("tree/z", "zz");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    put_story(s, "tree/z", "zz", 2);
    program_ends(&s->program, 6);
    program_says("tree/.wherry-d: ");
    program_says("tree/.wherry-x: ");
}

static void test_paths_over_1024_bytes_are_left_out(void **state)
{
    struct scripted_tcp *s = *state;
    char path[2048] = "t";
    char part[201];

    memset(part, 'p', 200);
    part[200] = '\0';
    scratch_dir(path);
    for (unsigned i = 0; i < 6; i++) { /* the fifth is 1 + 5 * 201 = 1006 bytes, the sixth 1207 */
        (void)strcat(strcat(path, "/"), part);
        scratch_dir(path);
    }
    program_start(&s->program, "put -r t URL/");
    scripted_tcp_greet(s);
    path[1] = '\0';
    put_story_directory(s, path);
    for (unsigned i = 0; i < 5; i++) {
        (void)strcat(strcat(path, "/"), part);
        put_story_directory(s, path);
    }
    scripted_tcp_gone(s);
    program_ends(&s->program, 6);
    program_says("1024 bytes");
}

static void test_lost_connection_is_made_anew_for_the_next_file(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("tree");
    scratch_file("tree/a", "aa");
    scratch_file("tree/b", "bb");
    program_start(&s->program, "put -r tree URL/");
    scripted_tcp_greet(s);
    put_story_directory(s, "tree");
    put_story_begin(s, "tree/a", 2);
    scripted_tcp_reset(s);
    scripted_tcp_greet(s); /* for b */
    put_story(s, "tree/b", "bb", 2);
    program_ends(&s->program, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_becomes_the_url_with_all_that_is_in_it),
        TEST(test_tree_goes_into_a_directory_that_exists),
        TEST(test_url_with_a_slash_at_its_end_is_not_asked_for),
        TEST(test_directory_without_a_name_gives_what_is_in_it),
        TEST(test_directories_may_exist),
        TEST(test_file_in_place_of_a_directory_fails_for_what_is_in_it),
        TEST(test_what_is_no_file_is_skipped_with_a_warning),
        TEST(test_links_are_followed_but_never_in_circles),
        TEST(test_names_that_no_request_carries_are_left_out),
        TEST(test_paths_over_1024_bytes_are_left_out),
        TEST(test_lost_connection_is_made_anew_for_the_next_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
