/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_rules.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/who.h"
#include "support/config_story.h"

static void read_text(struct config_story *f, const char *text)
{
    config_story_write(f, text);
    READ(f, "--config", f->path);
}

/* The answer of the whole configuration to a peer of this address. */
static enum res judge(const struct config_story *f, const char *peer, const char *path,
                      enum policy_action action)
{
    struct addr a = {.len = sizeof(a.u.in6)};
    struct policy_who who;

    if (strchr(peer, ':') != NULL) {
        a.u.in6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, peer, &a.u.in6.sin6_addr), 1);
    } else {
        a.u.in4.sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, peer, &a.u.in4.sin_addr), 1);
    }
    who = who_of(f->config, &a);
    return policy_judge(&who, path, action);
}

static void test_a_rule_says_who_may_do_what_where(void **state)
{
    struct config_story *f = *state;

    read_text(f, "rule { from = {\"192.0.2.0/24\", \"2001:db8::/32\"}  path = \"backup/\"\n"
                 "       allow = {\"read\", \"create\"} }     # first match wins\n"
                 "rule { allow = {\"read\", \"list\"} }\n");
    config_story_expect_ok(f);
    assert_int_equal(judge(f, "192.0.2.200", "backup/x", POLICY_CREATE), RES_OK);
    assert_int_equal(judge(f, "192.0.2.200", "backup/x", POLICY_REPLACE), RES_EXISTS);
    assert_int_equal(judge(f, "192.0.2.200", "backup", POLICY_LIST), RES_DENIED);
    assert_int_equal(judge(f, "2001:db8:1::1", "backup/x", POLICY_CREATE), RES_OK);
    assert_int_equal(judge(f, "198.51.100.1", "backup/x", POLICY_CREATE), RES_DENIED);
    assert_int_equal(judge(f, "198.51.100.1", "backup/x", POLICY_READ), RES_OK);
    assert_int_equal(judge(f, "192.0.2.200", "backup2/x", POLICY_CREATE), RES_DENIED);
    assert_true(config_may_write(f->config));
    assert_string_equal(config_write_name(f->config), "by rules");
}

static void test_an_ipv4_peer_of_a_dual_stack_socket_matches_ipv4(void **state)
{
    struct config_story *f = *state;

    read_text(f, "rule { from = \"192.0.2.0/24\" allow = {read} }\n"
                 "rule { from = \"::/0\" allow = {list} }\n");
    config_story_expect_ok(f);
    assert_int_equal(judge(f, "::ffff:192.0.2.7", "x", POLICY_READ), RES_OK);
    assert_int_equal(judge(f, "::ffff:198.51.100.7", "x", POLICY_LIST), RES_DENIED);
    assert_int_equal(judge(f, "2001:db8::1", "x", POLICY_LIST), RES_OK);
    assert_false(config_may_write(f->config));
}

static void test_without_rules_write_says_about_uploads_and_all_may_read(void **state)
{
    struct config_story *f = *state;

    read_text(f, "write = create\n");
    config_story_expect_ok(f);
    assert_null(f->config->rules);
    assert_int_equal(judge(f, "192.0.2.1", "x", POLICY_READ), RES_OK);
    assert_int_equal(judge(f, "192.0.2.1", "x", POLICY_REPLACE), RES_EXISTS);
    assert_string_equal(config_write_name(f->config), "create");
    assert_true(config_may_write(f->config));
    read_text(f, "");
    config_story_expect_ok(f);
    assert_int_equal(judge(f, "192.0.2.1", "x", POLICY_CREATE), RES_DENIED);
    assert_false(config_may_write(f->config));
}

static void test_an_empty_allow_denies(void **state)
{
    struct config_story *f = *state;

    read_text(f, "rule { path = secret allow = {} }\nrule { allow = replace }\n");
    config_story_expect_ok(f);
    assert_int_equal(judge(f, "192.0.2.1", "secret/x", POLICY_CREATE), RES_DENIED);
    assert_int_equal(judge(f, "192.0.2.1", "x", POLICY_CREATE), RES_OK);
}

static void test_paths_are_the_same_however_many_slashes_they_have(void **state)
{
    static const char *const written[] = {"a/b", "a/b/", "/a/b", "//a//b//", "./a/./b/."};
    struct config_story *f = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        snprintf(text, sizeof(text), "rule { path = \"%s\" allow = {read} }\n", written[i]);
        read_text(f, text);
        config_story_expect_ok(f);
        assert_string_equal(policy_rules_at(f->config->rules, 0)->path, "a/b");
    }
    read_text(f, "rule { path = \"/\" allow = {read} }\n");
    config_story_expect_ok(f);
    assert_int_equal(judge(f, "192.0.2.1", "x", POLICY_READ), RES_OK);
}

/* What is wrong, and what the message says behind the line. */
static const struct {
    const char *text;
    int line;
    const char *why;
} bad[] = {
    {"rule { from = \"192.0.2.1/24\" allow = {} }", 1,
     "is \"192.0.2.0/24\" meant, or \"192.0.2.1\" alone?"},
    {"\nrule {\n from = {\"10.0.0.0/8\",\n \"2001:db8::1/33\"}\n allow = {} }", 4,
     "is \"2001:db8::/33\" meant, or \"2001:db8::1\" alone?"},
    {"rule { from = \"::ffff:192.0.2.0/120\" allow = {} }", 1, "write \"192.0.2.0/24\""},
    {"rule { from = \"192.0.2.0/33\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = \"2001:db8::/129\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = \"192.0.2.0/\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = \"192.0.2.0/255.255.255.0\" allow = {} }", 1, "as 192.0.2.0/24 or"},
    {"rule { from = \"192.0.2\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = localhost allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = \"fe80::1%lo\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = \"\" allow = {} }", 1, "is not an address or a prefix"},
    {"rule { from = {} allow = {read} }", 1, "leave it out for everybody"},
    {"rule { path = \"a/../b\" allow = {read} }", 1, "without any \"..\""},
    {"rule { path = \"..\" allow = {read} }", 1, "without any \"..\""},
    {"\nrule { }", 2, "allow is missing: a list of read, list, create, replace, or {}"},
    {"rule {\n allow = {read, write} }", 2, "\"write\" is not one of read, list, create, replace"},
    {"rule { allow = {\"Read\"} }", 1, "is not one of read, list, create, replace"},
    {"rule {\n to = x\n allow = {} }", 2, "allowed: from, path, allow"},
    {"rule { rule { allow = {} } }", 1, "allowed: from, path, allow"},
    {"rule { path = {a, b} allow = {} }", 1, "unexpected token"},
    {"rule { path = \"\" allow = {create} }", 1, "an empty path is nowhere"},
    {"rule { path = \"${WHERRY_NOT_SET}\" allow = {create} }", 1, "an empty path is nowhere"},
    {"rule {\n from = \"192.0.2.1\"\n from = \"192.0.2.2\" allow = {} }", 3, "from is said twice"},
    {"rule { from = {\"::1\", \"::2\"}\n from = {\"::3\", \"::4\"} allow = {} }", 2, "said twice"},
    {"rule { path = a path = b allow = {} }", 1, "path is said twice"},
    {"rule { allow = {read}\n allow = {create} }", 2, "allow is said twice"},
    {"rule \"name\" { allow = {} }", 1, "brace"},
    {"rule = 1", 1, "brace"},
    {"\nrule\n{ allow = {read}\n", 3, "this brace is never closed"},
    {"rule { allow = {read", 1, "this brace is never closed"},
    {"rule { allow = {read} }\n}", 2, "unexpected closing brace"},
    {"rule { path = \"a }", 1, "this string is never closed"},
    {"rule", 1, "end of file"},
};

static void test_a_wrong_rule_names_its_line_and_what_is_allowed(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        read_text(f, bad[i].text);
        config_story_expect_refused(f, bad[i].why);
        snprintf(place, sizeof(place), "%s:%d: ", f->path, bad[i].line);
        config_story_expect_refused(f, place);
    }
}

static void test_write_and_rules_exclude_each_other_and_both_are_named(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    read_text(f, "\nwrite = none\nrule { allow = {read} }\n");
    snprintf(place, sizeof(place), "write (%s:2)", f->path);
    config_story_expect_refused(f, place);
    snprintf(place, sizeof(place), "rules (the first at %s:3)", f->path);
    config_story_expect_refused(f, place);

    config_story_write(f, "rule { allow = {read} }\n");
    READ(f, "--config", f->path, "--write", "create");
    config_story_expect_refused(f, "--write and rules (the first at ");

    config_story_write(f, "");
    config_story_write_dir(f, "a.conf", "rule { allow = {read} }\n");
    config_story_write_dir(f, "b.conf", "write = replace\n");
    READ(f, "--config", f->path);
    config_story_expect_refused(f, "b.conf:1)");
    config_story_expect_refused(f, "a.conf:1)");
}

static void test_rules_of_the_directory_come_first_in_the_order_of_its_files(void **state)
{
    static const char *const expected[] = {"a", "aa", "b", "main", "rest"};
    struct config_story *f = *state;

    config_story_write(f, "rule { path = main allow = {read} }\nrule { path = rest allow = {} }\n");
    config_story_write_dir(f, "b.conf", "rule { path = b allow = {read} }\n");
    config_story_write_dir(f, "a.conf",
                           "rule { path = a allow = {} }\nrule { path = aa allow = {} }\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(policy_rules_count(f->config->rules), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(policy_rules_at(f->config->rules, i)->path, expected[i]);
    }
}

static void test_printed_rules_read_back_as_the_same_in_order_of_judgement(void **state)
{
    struct config_story *f = *state;
    char *first;
    char *second;

    config_story_write(f, "rule { path = \"odd \\\"$\\${HOME}\\\\ \xff\n#x//y\" allow = {} }\n"
                          "rule { allow = {list, replace} }\n");
    config_story_write_dir(
        f, "a.conf",
        "listen = \"tftp://127.0.0.1:7\"\n"
        "rule { from = {192.0.2.7, \"2001:db8::/32\", \"::/0\"} allow = {create, read} }\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    first = config_story_print(f);
    assert_non_null(strstr(first, "rule { from = {\"192.0.2.7/32\", \"2001:db8::/32\", \"::/0\"} "
                                  "allow = {\"read\", \"create\"} }\nrule { path = "));
    assert_null(strstr(first, "\nwrite = "));
    assert_int_equal(remove(config_story_dir_path(f, "a.conf")), 0);
    config_story_write(f, first);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_string_equal(policy_rules_at(f->config->rules, 1)->path, "odd \"$${HOME}\\ \xff\n#x/y");
    second = config_story_print(f);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_ten_thousand_rules_are_read_and_judged_in_order(void **state)
{
    struct config_story *f = *state;
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    for (int i = 0; i < 10000; i++) {
        assert_true(fprintf(file, "rule { from = \"10.%d.%d.0/24\" path = \"p%d\" allow = {} }\n",
                            i / 256, i % 256, i) > 0);
    }
    assert_true(fputs("rule { allow = {read} }\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(policy_rules_count(f->config->rules), 10001);
    assert_int_equal(judge(f, "10.39.15.1", "p9999/x", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(f, "10.39.15.1", "p9998/x", POLICY_READ), RES_OK);
}

/* What a broken disk or a stranger makes of a file: each is taken or refused, with a message. */
static void test_torn_and_twisted_files_are_answered(void **state)
{
    static const char whole[] =
        "rule { from = {\"192.0.2.0/24\", '::1'} path = \"a\\\"b/\" /* { */\n"
        "  allow = {read, \"list\"} } # }\nlisten += \"tftp://127.0.0.1:1\"";
    struct config_story *f = *state;
    char text[sizeof(whole)];

    for (size_t len = 0; len < sizeof(whole); len++) {
        memcpy(text, whole, len);
        text[len] = '\0';
        read_text(f, text);
        assert_true(f->r == RES_OK || (f->r == RES_PROTOCOL && f->why[0] != '\0'));
    }
    config_story_expect_ok(f); /* the whole of it */
    for (size_t at = 0; at + 1 < sizeof(whole); at++) {
        for (const char *c = "{}\"'\\=#$(,\n\x01\xff"; *c != '\0'; c++) {
            memcpy(text, whole, sizeof(whole));
            text[at] = *c;
            read_text(f, text);
            assert_true(f->r == RES_OK || (f->r == RES_PROTOCOL && f->why[0] != '\0'));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_story_setup, config_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_rule_says_who_may_do_what_where),
        TEST(test_an_ipv4_peer_of_a_dual_stack_socket_matches_ipv4),
        TEST(test_without_rules_write_says_about_uploads_and_all_may_read),
        TEST(test_an_empty_allow_denies),
        TEST(test_paths_are_the_same_however_many_slashes_they_have),
        TEST(test_a_wrong_rule_names_its_line_and_what_is_allowed),
        TEST(test_write_and_rules_exclude_each_other_and_both_are_named),
        TEST(test_rules_of_the_directory_come_first_in_the_order_of_its_files),
        TEST(test_printed_rules_read_back_as_the_same_in_order_of_judgement),
        TEST(test_ten_thousand_rules_are_read_and_judged_in_order),
        TEST(test_torn_and_twisted_files_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
