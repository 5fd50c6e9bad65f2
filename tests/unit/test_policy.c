/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ (1u << POLICY_READ)
#define LIST (1u << POLICY_LIST)
#define CREATE (1u << POLICY_CREATE)
#define REPLACE (1u << POLICY_REPLACE)

static const struct policy_host lab = {.len = 4, .bytes = {192, 0, 2, 7}};
static const struct policy_host other = {.len = 4, .bytes = {198, 51, 100, 1}};
static const struct policy_host lab6 = {.len = 16, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static const struct policy_host nobody = {.len = 0};

static const struct policy_prefix lab_net = {.host = {.len = 4, .bytes = {192, 0, 2, 0}},
                                             .bits = 24};
static const struct policy_prefix lab6_net = {
    .host = {.len = 16, .bytes = {0x20, 0x01, 0x0d, 0xb8}}, .bits = 32};

/* from: NULL or one prefix; path: NULL or a path. */
static void add(struct policy_rules *rules, const struct policy_prefix *from, const char *path,
                unsigned allow)
{
    struct policy_rule rule = {.allow = allow};

    if (from != NULL) {
        rule.from = malloc(sizeof(*from));
        assert_non_null(rule.from);
        rule.from[0] = *from;
        rule.from_count = 1;
    }
    if (path != NULL) {
        rule.path = strdup(path);
        assert_non_null(rule.path);
    }
    assert_int_equal(policy_rules_add(rules, &rule), RES_OK);
}

static enum res judge(struct policy_rules *rules, const struct policy_host *host, const char *path,
                      enum policy_action action)
{
    const struct policy_who who = {.rules = rules, .host = *host};

    return policy_judge(&who, path, action);
}

static enum res write_says(enum policy_write write, enum policy_action action)
{
    const struct policy_who who = {.write = write};

    assert_false(policy_needs_path(&who));
    assert_int_equal(policy_judge_anywhere(&who, POLICY_READ), RES_OK);
    return policy_judge(&who, NULL, action);
}

static void test_without_rules_everybody_reads_and_lists_and_write_says_about_uploads(void **state)
{
    static const enum res expected[3][5] = {
        [POLICY_WRITE_NONE] = {RES_OK, RES_OK, RES_DENIED, RES_DENIED, RES_OK},
        [POLICY_WRITE_CREATE] = {RES_OK, RES_OK, RES_OK, RES_EXISTS, RES_OK},
        [POLICY_WRITE_REPLACE] = {RES_OK, RES_OK, RES_OK, RES_OK, RES_OK},
    };

    (void)state;
    for (unsigned w = 0; w < 3; w++) {
        for (unsigned a = POLICY_READ; a <= POLICY_LOOK; a++) {
            assert_int_equal(write_says((enum policy_write)w, (enum policy_action)a),
                             expected[w][a]);
        }
    }
}

static void test_words_are_those_of_the_option_and_of_the_rules(void **state)
{
    (void)state;
    assert_string_equal(policy_write_name(POLICY_WRITE_NONE), "none");
    assert_string_equal(policy_write_name(POLICY_WRITE_CREATE), "create");
    assert_string_equal(policy_write_name(POLICY_WRITE_REPLACE), "replace");
    assert_string_equal(policy_action_name(POLICY_READ), "read");
    assert_string_equal(policy_action_name(POLICY_LIST), "list");
    assert_string_equal(policy_action_name(POLICY_CREATE), "create");
    assert_string_equal(policy_action_name(POLICY_REPLACE), "replace");
}

static void test_the_first_rule_that_matches_decides(void **state)
{
    struct policy_rules *rules = policy_rules_new();

    (void)state;
    add(rules, &lab_net, "backup", CREATE);
    add(rules, &lab_net, NULL, READ | LIST);
    add(rules, NULL, "backup", READ | REPLACE);
    assert_int_equal(judge(rules, &lab, "backup/a", POLICY_CREATE), RES_OK);
    assert_int_equal(judge(rules, &lab, "backup/a", POLICY_REPLACE), RES_EXISTS);
    /* A later rule would allow it, but is not asked. */
    assert_int_equal(judge(rules, &lab, "backup/a", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "image", POLICY_READ), RES_OK);
    assert_int_equal(judge(rules, &lab, "image", POLICY_CREATE), RES_DENIED);
    assert_int_equal(judge(rules, &other, "backup/a", POLICY_REPLACE), RES_OK);
    policy_rules_release(rules);
}

static void test_what_no_rule_matches_is_denied(void **state)
{
    struct policy_rules *rules = policy_rules_new();

    (void)state;
    assert_int_equal(judge(rules, &lab, "", POLICY_LOOK), RES_DENIED); /* no rule at all */
    add(rules, &lab_net, "pub", READ | LIST);
    assert_int_equal(judge(rules, &other, "pub/a", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "a", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &nobody, "pub/a", POLICY_READ), RES_DENIED);
    policy_rules_release(rules);
}

static void test_a_path_covers_itself_and_what_is_beneath_in_whole_components(void **state)
{
    struct policy_rules *rules = policy_rules_new();

    (void)state;
    add(rules, NULL, "a/b", READ);
    assert_int_equal(judge(rules, &lab, "a/b", POLICY_READ), RES_OK);
    assert_int_equal(judge(rules, &lab, "a/b/c/d", POLICY_READ), RES_OK);
    assert_int_equal(judge(rules, &lab, "a/b2", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "a", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "x/a/b", POLICY_READ), RES_DENIED);
    policy_rules_release(rules);
}

static void test_replace_includes_create_and_facts_are_for_readers_and_listers(void **state)
{
    static const enum res expected[][6] = {
        /* allow, read, list, create, replace, look */
        {READ, RES_OK, RES_DENIED, RES_DENIED, RES_DENIED, RES_OK},
        {LIST, RES_DENIED, RES_OK, RES_DENIED, RES_DENIED, RES_OK},
        {CREATE, RES_DENIED, RES_DENIED, RES_OK, RES_EXISTS, RES_DENIED},
        {REPLACE, RES_DENIED, RES_DENIED, RES_OK, RES_OK, RES_DENIED},
        {0, RES_DENIED, RES_DENIED, RES_DENIED, RES_DENIED, RES_DENIED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct policy_rules *rules = policy_rules_new();

        add(rules, NULL, NULL, (unsigned)expected[i][0]);
        for (unsigned a = POLICY_READ; a <= POLICY_LOOK; a++) {
            assert_int_equal(judge(rules, &lab, "x", (enum policy_action)a), expected[i][a + 1]);
        }
        policy_rules_release(rules);
    }
}

static void test_prefixes_match_to_the_bit_and_only_their_own_family(void **state)
{
    struct policy_prefix p = {.host = {.len = 4, .bytes = {192, 0, 2, 128}}, .bits = 25};
    const struct policy_prefix all4 = {.host = {.len = 4}, .bits = 0};
    const struct policy_prefix all6 = {.host = {.len = 16}, .bits = 0};
    struct policy_host host = lab;
    struct policy_rules *rules = policy_rules_new();

    (void)state;
    add(rules, &p, NULL, READ);
    host.bytes[3] = 127;
    assert_int_equal(judge(rules, &host, "x", POLICY_READ), RES_DENIED);
    host.bytes[3] = 128;
    assert_int_equal(judge(rules, &host, "x", POLICY_READ), RES_OK);
    policy_rules_release(rules);

    rules = policy_rules_new();
    p = (struct policy_prefix){.host = lab, .bits = 32};
    add(rules, &p, NULL, READ);
    assert_int_equal(judge(rules, &lab, "x", POLICY_READ), RES_OK);
    host.bytes[3] = 6;
    assert_int_equal(judge(rules, &host, "x", POLICY_READ), RES_DENIED);
    policy_rules_release(rules);

    rules = policy_rules_new();
    add(rules, &lab6_net, NULL, READ);
    add(rules, &all4, NULL, LIST);
    add(rules, &all6, NULL, CREATE);
    assert_int_equal(judge(rules, &lab6, "x", POLICY_READ), RES_OK);
    assert_int_equal(judge(rules, &lab, "x", POLICY_LIST), RES_OK);
    host = lab6;
    host.bytes[0] = 0xfe;
    assert_int_equal(judge(rules, &host, "x", POLICY_READ), RES_DENIED);
    assert_int_equal(judge(rules, &host, "x", POLICY_CREATE), RES_OK);
    policy_rules_release(rules);
}

static void test_anywhere_tells_when_no_path_could_be_allowed(void **state)
{
    struct policy_rules *rules = policy_rules_new();
    struct policy_who who = {.rules = rules, .host = lab};

    (void)state;
    add(rules, NULL, "pub", READ);
    add(rules, &lab_net, NULL, LIST);
    add(rules, NULL, NULL, REPLACE);
    assert_true(policy_needs_path(&who));
    assert_int_equal(policy_judge_anywhere(&who, POLICY_READ), RES_OK);
    /* The second rule is the last that is ever asked for this host. */
    assert_int_equal(policy_judge_anywhere(&who, POLICY_CREATE), RES_DENIED);
    who.host = other;
    assert_int_equal(policy_judge_anywhere(&who, POLICY_CREATE), RES_OK);
    assert_int_equal(policy_judge_anywhere(&who, POLICY_LIST), RES_DENIED);
    assert_true(policy_rules_may_write(rules));
    policy_rules_release(rules);
}

static void test_rules_without_a_path_need_none(void **state)
{
    struct policy_rules *rules = policy_rules_new();
    const struct policy_who who = {.rules = rules, .host = lab};

    (void)state;
    add(rules, &lab_net, NULL, READ);
    assert_false(policy_needs_path(&who));
    assert_int_equal(policy_judge(&who, NULL, POLICY_READ), RES_OK);
    assert_false(policy_rules_may_write(rules));
    policy_rules_release(rules);
}

static void test_appended_rules_come_behind(void **state)
{
    struct policy_rules *first = policy_rules_new();
    struct policy_rules *second = policy_rules_new();

    (void)state;
    add(first, NULL, NULL, READ);
    add(second, NULL, "a", LIST);
    for (unsigned i = 0; i < 100; i++) {
        add(second, NULL, NULL, CREATE);
    }
    assert_int_equal(policy_rules_append(first, second), RES_OK);
    assert_int_equal(policy_rules_count(second), 0);
    assert_int_equal(policy_rules_count(first), 102);
    assert_int_equal(policy_rules_at(first, 0)->allow, READ);
    assert_string_equal(policy_rules_at(first, 1)->path, "a");
    assert_int_equal(judge(first, &lab, "a", POLICY_READ), RES_OK);
    policy_rules_release(second);
    policy_rules_release(first);
}

static void test_rules_without_uploads_say_the_same_about_the_rest(void **state)
{
    struct policy_rules *rules = policy_rules_new();

    (void)state;
    add(rules, NULL, "a", READ | CREATE);
    add(rules, NULL, NULL, LIST | REPLACE);
    policy_rules_forbid_write(rules);
    assert_false(policy_rules_may_write(rules));
    assert_int_equal(judge(rules, &lab, "a", POLICY_READ), RES_OK);
    assert_int_equal(judge(rules, &lab, "a", POLICY_LIST), RES_DENIED);
    assert_int_equal(judge(rules, &lab, "b", POLICY_LIST), RES_OK);
    assert_int_equal(judge(rules, &lab, "b", POLICY_REPLACE), RES_DENIED);
    policy_rules_release(rules);
}

static void test_who_holds_the_rules_keeps_them(void **state)
{
    struct policy_rules *rules = policy_rules_new();
    const struct policy_who who = {.rules = rules, .host = lab};
    struct policy_who held;
    struct policy_who anybody = policy_who_hold(NULL);

    (void)state;
    add(rules, &lab_net, NULL, READ);
    held = policy_who_hold(&who);
    policy_rules_release(rules); /* as a reload does */
    assert_int_equal(policy_judge(&held, NULL, POLICY_READ), RES_OK);
    policy_who_release(&held);
    assert_int_equal(policy_judge(&anybody, NULL, POLICY_REPLACE), RES_OK);
    policy_who_release(&anybody);
}

static void test_a_masked_prefix_has_no_bits_behind_its_length(void **state)
{
    struct policy_prefix p = {.host = {.len = 4, .bytes = {255, 255, 255, 255}}, .bits = 13};
    static const uint8_t expected[4] = {255, 0xf8, 0, 0};

    (void)state;
    policy_prefix_mask(&p);
    assert_memory_equal(p.host.bytes, expected, sizeof(expected));
    p.bits = 32;
    policy_prefix_mask(&p);
    assert_memory_equal(p.host.bytes, expected, sizeof(expected));
    p.bits = 0;
    policy_prefix_mask(&p);
    assert_int_equal(p.host.bytes[0], 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rules_everybody_reads_and_lists_and_write_says_about_uploads),
        cmocka_unit_test(test_words_are_those_of_the_option_and_of_the_rules),
        cmocka_unit_test(test_the_first_rule_that_matches_decides),
        cmocka_unit_test(test_what_no_rule_matches_is_denied),
        cmocka_unit_test(test_a_path_covers_itself_and_what_is_beneath_in_whole_components),
        cmocka_unit_test(test_replace_includes_create_and_facts_are_for_readers_and_listers),
        cmocka_unit_test(test_prefixes_match_to_the_bit_and_only_their_own_family),
        cmocka_unit_test(test_anywhere_tells_when_no_path_could_be_allowed),
        cmocka_unit_test(test_rules_without_a_path_need_none),
        cmocka_unit_test(test_appended_rules_come_behind),
        cmocka_unit_test(test_rules_without_uploads_say_the_same_about_the_rest),
        cmocka_unit_test(test_who_holds_the_rules_keeps_them),
        cmocka_unit_test(test_a_masked_prefix_has_no_bits_behind_its_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
