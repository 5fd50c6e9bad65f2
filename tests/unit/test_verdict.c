/* SPDX-License-Identifier: BSD-2-Clause */
/* What the end of an attempt means. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/verdict.h"

static struct addr server;

static int setup(void **state)
{
    (void)state;
    server.len = sizeof(server.u.in4);
    server.u.in4.sin_family = AF_INET;
    server.u.in4.sin_port = htons(69);
    return inet_pton(AF_INET, "192.0.2.1", &server.u.in4.sin_addr) == 1 ? 0 : -1;
}

/* A plain end with this result, told by nobody before. */
static struct verdict_facts ended(enum res result)
{
    return (struct verdict_facts){.result = result, .peer = &server};
}

static enum attempt_end reach(const struct verdict_facts *f, enum outcome_side side,
                              const char *detail)
{
    struct outcome o = {.side = OUTCOME_DONE};
    enum attempt_end end = verdict_reach(&o, f);

    assert_int_equal(o.side, side);
    assert_string_equal(o.detail, detail);
    return end;
}

static void test_a_whole_file_is_final_whatever_was_said_before(void **state)
{
    struct verdict_facts f = ended(RES_OK);
    struct outcome o = {.side = OUTCOME_SIGNAL, .signum = 2};

    (void)state;
    assert_int_equal(verdict_reach(&o, &f), ATTEMPT_FINAL);
    assert_int_equal(o.side, OUTCOME_DONE);
}

static void test_silence_before_any_answer_leads_to_the_next_address(void **state)
{
    struct verdict_facts f = ended(RES_TIMEOUT);

    (void)state;
    assert_int_equal(reach(&f, OUTCOME_NETWORK, "no answer from 192.0.2.1:69"), ATTEMPT_UNREACHED);
    f.result = RES_UNREACHABLE;
    assert_int_equal(reach(&f, OUTCOME_NETWORK, "nobody listens at 192.0.2.1:69"),
                     ATTEMPT_UNREACHED);
    f.send_errno = ENETUNREACH;
    assert_int_equal(
        reach(&f, OUTCOME_NETWORK, "cannot send to 192.0.2.1:69: Network is unreachable"),
        ATTEMPT_UNREACHED);
}

static void test_silence_of_a_server_that_has_answered_is_final(void **state)
{
    struct verdict_facts f = ended(RES_TIMEOUT);

    (void)state;
    f.peer_known = true;
    assert_int_equal(reach(&f, OUTCOME_NETWORK, "the server at 192.0.2.1:69 fell silent"),
                     ATTEMPT_FINAL);
    f.result = RES_UNREACHABLE;
    assert_int_equal(reach(&f, OUTCOME_NETWORK, "the server at 192.0.2.1:69 went away"),
                     ATTEMPT_FINAL);
}

static void test_error_8_is_refused_options_only_before_the_first_block(void **state)
{
    struct verdict_facts f = ended(RES_PEER);
    struct outcome o = {.side = OUTCOME_SERVER, .error_code = 8};

    (void)state;
    assert_int_equal(verdict_reach(&o, &f), ATTEMPT_FINAL); /* none were asked */
    f.options_asked = true;
    assert_int_equal(verdict_reach(&o, &f), ATTEMPT_OPTIONS_REFUSED);
    f.begun = true;
    assert_int_equal(verdict_reach(&o, &f), ATTEMPT_FINAL);
    f.begun = false;
    o.error_code = 1;
    assert_int_equal(verdict_reach(&o, &f), ATTEMPT_FINAL);
}

static void test_the_file_of_this_side_is_to_blame_before_the_network(void **state)
{
    struct verdict_facts f = ended(RES_NO_SPACE);

    (void)state;
    f.local_failure = RES_NO_SPACE;
    assert_int_equal(reach(&f, OUTCOME_LOCAL, ""), ATTEMPT_FINAL);
}

static void test_anything_else_is_the_protocol(void **state)
{
    struct verdict_facts f = ended(RES_PROTOCOL);

    (void)state;
    assert_int_equal(reach(&f, OUTCOME_PROTOCOL, "a block is longer than agreed"), ATTEMPT_FINAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file_is_final_whatever_was_said_before),
        cmocka_unit_test(test_silence_before_any_answer_leads_to_the_next_address),
        cmocka_unit_test(test_silence_of_a_server_that_has_answered_is_final),
        cmocka_unit_test(test_error_8_is_refused_options_only_before_the_first_block),
        cmocka_unit_test(test_the_file_of_this_side_is_to_blame_before_the_network),
        cmocka_unit_test(test_anything_else_is_the_protocol),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
