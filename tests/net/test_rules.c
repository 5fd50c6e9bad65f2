/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the policy at both doors of a running wherryd, for clients of several addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/rules_story.h"

#define WAIT_MS 20000

/* What is answered to one address about one name. */
struct expected {
    const char *from;
    const char *file; /* read over TFTP too, and looked at */
    unsigned read;
    unsigned stat;
    const char *dir;
    unsigned list;
    const char *fresh; /* a name that does not exist; NULL: nothing is written */
    unsigned create;
    unsigned replace; /* of the file */
};

static void expect_reads(const struct rules_story *f, struct wire *w, const struct expected *e)
{
    assert_int_equal(rules_tftp_get(f, e->from, e->file), e->read);
    assert_int_equal(wire_status(w, wire_get(w, e->file, 0, WHERRY_COUNT_ALL)), e->read);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_HASH, e->file)), e->read);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_STAT, e->file)), e->stat);
    assert_int_equal(wire_status(w, wire_list(w, e->dir, "")), e->list);
}

static void expect_writes(const struct rules_story *f, struct wire *w, const struct expected *e)
{
    char name[RULES_PATH_BYTES];

    assert_int_equal(rules_tftp_put(f, e->from, e->file), e->replace);
    assert_int_equal(rules_tcp_put(w, e->file, WHERRY_PUT_REPLACE), e->replace);
    assert_int_equal(rules_tftp_put(f, e->from, e->fresh), e->create);
    assert_int_equal(rules_exists(f, e->fresh), e->create == RULES_OK);
    snprintf(name, sizeof(name), "%s2", e->fresh);
    assert_int_equal(rules_tcp_put(w, name, WHERRY_PUT_CREATE), e->create);
    assert_int_equal(rules_exists(f, name), e->create == RULES_OK);
    snprintf(name, sizeof(name), "%s3", e->fresh);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_MKDIR, name)), e->create);
    assert_int_equal(rules_exists(f, name), e->create == RULES_OK);
}

static void expect(const struct rules_story *f, const struct expected *e)
{
    struct wire w;

    wire_open(&w, e->from, &f->server.tcp);
    expect_reads(f, &w, e);
    if (e->fresh != NULL) {
        expect_writes(f, &w, e);
    }
    wire_close(&w);
}

static const char house[] = "rule { path = \"secret\"  allow = {} }\n"
                            "rule { from = \"127.0.0.1\"  path = \"backup/\"\n"
                            "       allow = {read, list, create} }\n"
                            "rule { from = {\"127.0.0.2/31\"}  path = \"backup/\"\n"
                            "       allow = replace }\n"
                            "rule { path = \"/backup\"  allow = {} }\n"
                            "rule { from = \"127.0.0.0/30\"  allow = {read, list} }\n";

static void test_addresses_may_do_what_their_first_rule_says_at_both_doors(void **state)
{
    static const struct expected all[] = {
        {"127.0.0.1", "backup/old", RULES_OK, RULES_OK, "backup", RULES_OK, "backup/one", RULES_OK,
         RULES_EXISTS},
        {"127.0.0.1", "pub/image", RULES_OK, RULES_OK, "pub", RULES_OK, "pub/one", RULES_DENIED,
         RULES_DENIED},
        {"127.0.0.1", "secret/key", RULES_DENIED, RULES_DENIED, "secret", RULES_DENIED,
         "secret/one", RULES_DENIED, RULES_DENIED},
        {"127.0.0.4", "backup/old", RULES_DENIED, RULES_DENIED, "backup", RULES_DENIED,
         "backup/four", RULES_DENIED, RULES_DENIED},
        {"127.0.0.4", "pub/image", RULES_DENIED, RULES_DENIED, "", RULES_DENIED, "four",
         RULES_DENIED, RULES_DENIED},
        {"127.0.0.2", "pub/image", RULES_OK, RULES_OK, "", RULES_OK, "two", RULES_DENIED,
         RULES_DENIED},
        {"127.0.0.2", "backup/old", RULES_DENIED, RULES_DENIED, "backup", RULES_DENIED,
         "backup/two", RULES_OK, RULES_OK},
    };
    struct rules_story *f = *state;

    rules_start(f, house);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(f, &all[i]);
    }
}

static void test_a_link_is_judged_by_where_it_leads(void **state)
{
    static const struct expected all[] = {
        {"127.0.0.1", "pub/to-key", RULES_DENIED, RULES_DENIED, "pub/to-secret", RULES_DENIED, NULL,
         RULES_OK, RULES_OK},
        {"127.0.0.1", "pub/to-secret/key", RULES_DENIED, RULES_DENIED, "pub/to-secret",
         RULES_DENIED, "pub/to-secret/new", RULES_DENIED, RULES_DENIED},
        {"127.0.0.1", "to-image", RULES_OK, RULES_OK, "", RULES_OK, NULL, RULES_OK, RULES_OK},
    };
    struct rules_story *f = *state;

    /* By its own name each of them could be read and replaced. */
    rules_start(f, "rule { path = secret allow = {} }\nrule { allow = {read, list, replace} }\n");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(f, &all[i]);
    }
    assert_int_equal(rules_tftp_put(f, "127.0.0.1", "pub/to-new"), RULES_DENIED);
    assert_int_equal(rules_tftp_put(f, "127.0.0.1", "pub/to-key"), RULES_DENIED);
    assert_false(rules_exists(f, "secret/new"));
    assert_int_equal(rules_tftp_put(f, "127.0.0.1", "pub\\fresh"),
                     RULES_OK); /* folded, then judged */
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "secret\\key"), RULES_DENIED);
}

static void test_what_is_denied_does_not_tell_whether_it_exists(void **state)
{
    static const char *const names[] = {"secret/none", "secret/none/x", "secret/key/x",
                                        "pub/to-secret/none", "secret"};
    struct rules_story *f = *state;
    struct wire w;

    rules_start(f, "rule { path = secret allow = {} }\nrule { allow = {read, list, replace} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *name = names[i];

        assert_int_equal(rules_tftp_get(f, "127.0.0.1", name), RULES_DENIED);
        assert_int_equal(rules_tftp_put(f, "127.0.0.1", name), RULES_DENIED);
        assert_int_equal(wire_status(&w, wire_get(&w, name, 0, 1)), RULES_DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_HASH, name)), RULES_DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_STAT, name)), RULES_DENIED);
        assert_int_equal(wire_status(&w, wire_list(&w, name, "")), RULES_DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_MKDIR, name)), RULES_DENIED);
        assert_int_equal(rules_tcp_put(&w, name, WHERRY_PUT_CREATE), RULES_DENIED);
    }
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "secret\\none"), RULES_DENIED);
    /* Elsewhere it is missing. */
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "pub/none"), RULES_NOT_FOUND);
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "secret2"), RULES_NOT_FOUND);
    assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_STAT, "none/x")), RULES_NOT_FOUND);
    assert_int_equal(rules_tcp_put(&w, "none/x", WHERRY_PUT_CREATE), RULES_NOT_FOUND);
    wire_close(&w);
}

static void test_a_denied_request_is_one_line_of_the_log_that_says_so(void **state)
{
    struct rules_story *f = *state;
    struct wire w;

    rules_start(f, house);
    server_process_expect_line(&f->server, "write by rules", WAIT_MS);
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "secret/key"), RULES_DENIED);
    server_process_expect_line(&f->server, "refused op=read peer=127.0.0.1:", WAIT_MS);
    assert_non_null(strstr(f->server.line, "name=\"secret/key\""));
    assert_non_null(strstr(f->server.line, "not allowed"));
    assert_int_equal(rules_tftp_put(f, "127.0.0.4", "x"), RULES_DENIED);
    server_process_expect_line(&f->server, "refused op=write peer=127.0.0.4:", WAIT_MS);
    wire_open(&w, "127.0.0.4", &f->server.tcp);
    assert_int_equal(wire_status(&w, wire_list(&w, "pub", "")), RULES_DENIED);
    server_process_expect_line(&f->server, "refused op=list via=wherry peer=127.0.0.4:", WAIT_MS);
    wire_close(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rules_setup, rules_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_addresses_may_do_what_their_first_rule_says_at_both_doors),
        TEST(test_a_link_is_judged_by_where_it_leads),
        TEST(test_what_is_denied_does_not_tell_whether_it_exists),
        TEST(test_a_denied_request_is_one_line_of_the_log_that_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
