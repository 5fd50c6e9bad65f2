/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "server/transfer_log.h"

#define MS NUMBER_MILLISECOND
#define LINES_MAX 16

struct fixture {
    struct loop *loop;
    struct log log;
    struct transfer_log *transfers;
    char lines[LINES_MAX][LOG_LINE_BYTES];
    enum log_level levels[LINES_MAX];
    size_t count; /* logged */
    size_t seen;  /* looked at */
};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct fixture *f = arg;

    assert_true(f->count < LINES_MAX);
    snprintf(f->lines[f->count], LOG_LINE_BYTES, "%s", line);
    f->levels[f->count] = level;
    f->count++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    if (f == NULL || loop_new(&f->loop) != RES_OK) {
        return -1;
    }
    f->log = (struct log){LOG_LEVEL_INFO, keep_line, f};
    return transfer_log_new(&f->transfers, f->loop, &f->log) != RES_OK;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    transfer_log_free(f->transfers);
    loop_free(f->loop);
    free(f);
    return 0;
}

static struct addr make_peer(const char *ip, uint16_t port)
{
    struct addr a = {.len = sizeof(a.u.in4)};

    a.u.in4.sin_family = AF_INET;
    a.u.in4.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, ip, &a.u.in4.sin_addr), 1);
    return a;
}

static struct wherry_view view(const char *text)
{
    return (struct wherry_view){(const uint8_t *)text, strlen(text)};
}

/* The transfer of the header's example. */
static struct transfer_record make_record(enum outcome outcome)
{
    return (struct transfer_record){
        .outcome = outcome,
        .peer = make_peer("192.0.2.7", 2071),
        .name = view("boot/zImage"),
        .mode = WHERRY_OCTET,
        .blksize = 1468,
        .windowsize = 4,
        .bytes = 8123904,
        .duration_ns = 1234 * MS,
        .resent = 3,
    };
}

static struct transfer_record make_missing(const char *ip, uint16_t port, const char *name)
{
    struct transfer_record r = {
        .outcome = OUTCOME_MISSING,
        .peer = make_peer(ip, port),
        .name = view(name),
        .mode = WHERRY_OCTET,
        .blksize = 512,
        .windowsize = 1,
        .reason = "no such file",
    };

    return r;
}

static void expect_line(struct fixture *f, enum log_level level, const char *line)
{
    assert_true(f->seen < f->count);
    assert_string_equal(f->lines[f->seen], line);
    assert_int_equal(f->levels[f->seen], level);
    f->seen++;
}

static void expect_silence(const struct fixture *f)
{
    assert_int_equal(f->seen, f->count);
}

static void test_done_read_has_the_documented_shape(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_DONE);

    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_INFO,
                "done op=read peer=192.0.2.7:2071 name=\"boot/zImage\" mode=octet blksize=1468 "
                "windowsize=4 bytes=8123904 secs=1.2 resent=3");
    expect_silence(f);
}

static void test_write_in_netascii_over_ipv6_is_told(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_DONE);

    r.write = true;
    r.mode = WHERRY_NETASCII;
    r.peer = (struct addr){.len = sizeof(r.peer.u.in6)};
    r.peer.u.in6.sin6_family = AF_INET6;
    r.peer.u.in6.sin6_port = htons(2071);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &r.peer.u.in6.sin6_addr), 1);
    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_INFO,
                "done op=write peer=[2001:db8::1]:2071 name=\"boot/zImage\" mode=netascii "
                "blksize=1468 windowsize=4 bytes=8123904 secs=1.2 resent=3");
}

static void test_seconds_have_one_decimal_and_three_below_one_second(void **state)
{
    /* clang-format off */
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0,                  " secs=0.000 "},
        {499999,             " secs=0.000 "},
        {500000,             " secs=0.001 "},
        {12 * MS,            " secs=0.012 "},
        {999 * MS,           " secs=0.999 "},
        {1000 * MS - 1,      " secs=1.0 "},
        {1250 * MS,          " secs=1.3 "},
        {9960 * MS,          " secs=10.0 "},
        {3600000 * MS,       " secs=3600.0 "},
    };
    /* clang-format on */
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transfer_record r = make_record(OUTCOME_DONE);

        r.duration_ns = cases[i].ns;
        transfer_log_record(f->transfers, &r);
        assert_non_null(strstr(f->lines[i], cases[i].text));
    }
}

static void test_each_outcome_has_its_word_and_level(void **state)
{
    /* clang-format off */
    static const struct {
        enum outcome outcome;
        const char *begin;
        enum log_level level;
    } cases[] = {
        {OUTCOME_DONE,    "done op=",    LOG_LEVEL_INFO},
        {OUTCOME_PROBE,   "probe op=",   LOG_LEVEL_INFO},
        {OUTCOME_MISSING, "missing op=", LOG_LEVEL_INFO},
        {OUTCOME_REFUSED, "refused op=", LOG_LEVEL_WARNING},
        {OUTCOME_ABORTED, "aborted op=", LOG_LEVEL_WARNING},
        {OUTCOME_TIMEOUT, "timeout op=", LOG_LEVEL_WARNING},
        {OUTCOME_FAILED,  "failed op=",  LOG_LEVEL_ERROR},
    };
    /* clang-format on */
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transfer_record r = make_record(cases[i].outcome);

        transfer_log_record(f->transfers, &r);
        assert_memory_equal(f->lines[i], cases[i].begin, strlen(cases[i].begin));
        assert_int_equal(f->levels[i], cases[i].level);
    }
}

static void test_reason_and_the_peers_error_follow_the_figures(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_ABORTED);

    r.reason = "peer ended it";
    r.peer_error = true;
    r.peer_code = 8;
    r.peer_text = view("user said \"no\"");
    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_WARNING,
                "aborted op=read peer=192.0.2.7:2071 name=\"boot/zImage\" mode=octet blksize=1468 "
                "windowsize=4 bytes=8123904 secs=1.2 resent=3 reason=\"peer ended it\" error=8 "
                "text=\"user said \\\"no\\\"\"");
}

static void test_empty_text_of_an_error_is_quoted_too(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_PROBE);

    r.peer_error = true;
    transfer_log_record(f->transfers, &r);
    assert_non_null(strstr(f->lines[0], " resent=3 error=0 text=\"\""));
}

static void test_hostile_name_cannot_forge_a_field_or_a_line(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_REFUSED);

    r.name = view("x\" mode=octet\ndone op=read \033[2J");
    transfer_log_record(f->transfers, &r);
    assert_non_null(
        strstr(f->lines[0], " name=\"x\\\" mode=octet\\x0adone op=read \\x1b[2J\" mode="));
    assert_null(strpbrk(f->lines[0], "\n\033"));
}

static void test_longest_name_and_text_leave_every_field_whole(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_ABORTED);
    static uint8_t zeros[65000]; /* each becomes four characters */

    r.name = (struct wherry_view){zeros, sizeof(zeros)};
    r.peer_text = r.name;
    r.peer_error = true;
    r.peer_code = 65535;
    r.reason = "a reason";
    r.bytes = UINT64_MAX;
    r.resent = UINT64_MAX;
    r.duration_ns = UINT64_MAX / 2;
    transfer_log_record(f->transfers, &r);
    assert_non_null(strstr(f->lines[0], "...\" mode=octet blksize=1468 windowsize=4 "
                                        "bytes=18446744073709551615 "));
    assert_non_null(strstr(f->lines[0], " resent=18446744073709551615 reason=\"a reason\" "
                                        "error=65535 text=\""));
    assert_int_equal(f->lines[0][strlen(f->lines[0]) - 1], '"');
}

/* The second example of the header. */
static struct transfer_record make_tcp_record(enum outcome outcome, const char *op)
{
    return (struct transfer_record){
        .outcome = outcome,
        .op = op,
        .peer = make_peer("192.0.2.7", 2071),
        .name = view("boot/zImage"),
        .bytes = 8123904,
        .duration_ns = 1234 * MS,
    };
}

static void test_request_of_the_file_protocol_has_the_documented_shape(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_tcp_record(OUTCOME_DONE, "read");

    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_INFO,
                "done op=read via=wherry peer=192.0.2.7:2071 name=\"boot/zImage\" offset=0 "
                "bytes=8123904 secs=1.2");
    r = make_tcp_record(OUTCOME_REFUSED, "mkdir");
    r.bytes = 0;
    r.status = 5;
    r.reason = "file already exists";
    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_WARNING,
                "refused op=mkdir via=wherry peer=192.0.2.7:2071 name=\"boot/zImage\" offset=0 "
                "bytes=0 secs=1.2 status=5 reason=\"file already exists\"");
    r = make_tcp_record(OUTCOME_ABORTED, "write");
    r.offset = UINT64_MAX - 1;
    r.reason = "connection lost";
    transfer_log_record(f->transfers, &r);
    expect_line(f, LOG_LEVEL_WARNING,
                "aborted op=write via=wherry peer=192.0.2.7:2071 name=\"boot/zImage\" "
                "offset=18446744073709551614 bytes=8123904 secs=1.2 reason=\"connection lost\"");
    expect_silence(f);
}

static void test_repeats_are_summed_for_each_door_and_operation(void **state)
{
    static const char *const ops[] = {NULL, "read", "stat", "read", "stat", NULL};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        struct transfer_record r = make_missing("192.0.2.7", (uint16_t)(1000 + i), "absent");

        r.op = ops[i];
        transfer_log_record(f->transfers, &r);
    }
    assert_int_equal(f->count, 3); /* the first of each; the others wait */
    assert_non_null(strstr(f->lines[0], "missing op=read peer=192.0.2.7:1000 "));
    assert_non_null(strstr(f->lines[1], "missing op=read via=wherry peer=192.0.2.7:1001 "));
    assert_non_null(strstr(f->lines[2], "missing op=stat via=wherry peer=192.0.2.7:1002 "));
}

static void test_results_of_requests_are_the_documented_outcomes(void **state)
{
    /* clang-format off */
    static const struct {
        enum res r;
        enum outcome outcome;
    } cases[] = {
        {RES_OK,        OUTCOME_DONE},
        {RES_NOT_FOUND, OUTCOME_MISSING},
        {RES_IS_DIR,    OUTCOME_MISSING},
        {RES_DENIED,    OUTCOME_REFUSED},
        {RES_EXISTS,    OUTCOME_REFUSED},
        {RES_TOO_LARGE, OUTCOME_REFUSED},
        {RES_RANGE,     OUTCOME_REFUSED},
        {RES_DIGEST,    OUTCOME_REFUSED},
        {RES_OFFSET,    OUTCOME_REFUSED},
        {RES_CANCELLED, OUTCOME_ABORTED},
        {RES_LOST,      OUTCOME_ABORTED},
        {RES_TIMEOUT,   OUTCOME_TIMEOUT},
        {RES_NO_SPACE,  OUTCOME_FAILED},
        {RES_IO,        OUTCOME_FAILED},
        {RES_CHANGED,   OUTCOME_FAILED},
        {RES_SHUTDOWN,  OUTCOME_FAILED},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(transfer_log_outcome(cases[i].r), cases[i].outcome);
    }
}

static void test_lines_below_the_level_are_not_written(void **state)
{
    struct fixture *f = *state;
    struct transfer_record done = make_record(OUTCOME_DONE);
    struct transfer_record failed = make_record(OUTCOME_FAILED);

    f->log.level = LOG_LEVEL_ERROR;
    transfer_log_record(f->transfers, &done);
    expect_silence(f);
    transfer_log_record(f->transfers, &failed);
    assert_int_equal(f->count, 1);
}

static void test_repeats_of_a_missing_file_are_summed_when_the_time_is_over(void **state)
{
    struct fixture *f = *state;
    uint16_t port = 1000;

    transfer_log_hold(f->transfers, 20 * MS, TRANSFER_LOG_PAIRS);
    for (int i = 0; i < 4; i++) {
        struct transfer_record r = make_missing("192.0.2.7", port++, "pxelinux.0");

        transfer_log_record(f->transfers, &r);
    }
    expect_line(f, LOG_LEVEL_INFO,
                "missing op=read peer=192.0.2.7:1000 name=\"pxelinux.0\" mode=octet blksize=512 "
                "windowsize=1 bytes=0 secs=0.000 resent=0 reason=\"no such file\"");
    expect_silence(f);
    while (f->count < 2) {
        loop_turn(f->loop, true); /* the timer ends it */
    }
    expect_line(f, LOG_LEVEL_INFO,
                "missing op=read peer=192.0.2.7:1003 name=\"pxelinux.0\" mode=octet blksize=512 "
                "windowsize=1 bytes=0 secs=0.000 resent=0 reason=\"no such file\" times=3");
    expect_silence(f);
}

static void test_another_host_name_or_direction_is_another_sum(void **state)
{
    struct fixture *f = *state;
    struct transfer_record records[] = {
        make_missing("192.0.2.7", 1000, "a"),
        make_missing("192.0.2.8", 1000, "a"),
        make_missing("192.0.2.7", 1000, "b"),
        make_missing("192.0.2.7", 1000, "a"),
    };

    records[3].write = true;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        transfer_log_record(f->transfers, &records[i]);
    }
    assert_int_equal(f->count, 4);
}

static void test_other_outcomes_are_never_summed(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_record(OUTCOME_REFUSED);

    for (size_t i = 1; i <= 3; i++) {
        transfer_log_record(f->transfers, &r);
        assert_int_equal(f->count, i);
    }
}

static void test_names_longer_than_a_classic_request_are_not_summed(void **state)
{
    struct fixture *f = *state;
    char name[514];
    struct transfer_record r;

    memset(name, 'n', sizeof(name));
    name[513] = '\0';
    r = make_missing("192.0.2.7", 1000, name);
    transfer_log_record(f->transfers, &r);
    transfer_log_record(f->transfers, &r);
    assert_int_equal(f->count, 2);
    r.name.len = 512;
    transfer_log_record(f->transfers, &r);
    transfer_log_record(f->transfers, &r);
    assert_int_equal(f->count, 3);
}

/* A client's ports change with each request, and with them the worker that it meets. */
static void test_logs_beside_each_other_sum_up_together(void **state)
{
    struct fixture *f = *state;
    struct transfer_log *beside;
    struct transfer_record first = make_missing("192.0.2.7", 1000, "gone");
    struct transfer_record second = make_missing("192.0.2.7", 1001, "gone");

    assert_int_equal(transfer_log_new_beside(&beside, f->transfers, f->loop, &f->log), RES_OK);
    transfer_log_hold(f->transfers, 20 * MS, TRANSFER_LOG_PAIRS);
    transfer_log_record(f->transfers, &first);
    transfer_log_record(beside, &second);
    transfer_log_record(beside, &second);
    assert_int_equal(f->count, 1);
    while (f->count < 2) {
        loop_turn(f->loop, true);
    }
    assert_non_null(strstr(f->lines[1], "peer=192.0.2.7:1001"));
    assert_non_null(strstr(f->lines[1], "times=2"));
    transfer_log_free(beside);
}

static void test_records_are_counted_also_below_the_level_and_over_all_logs(void **state)
{
    struct fixture *f = *state;
    struct transfer_counts counts = {.bytes = 0};
    struct transfer_record done = make_record(OUTCOME_DONE);
    struct transfer_record missing = make_missing("192.0.2.7", 1000, "gone");
    struct transfer_log *beside;

    assert_int_equal(transfer_log_new_beside(&beside, f->transfers, f->loop, &f->log), RES_OK);
    f->log.level = LOG_LEVEL_ERROR;
    transfer_log_record(f->transfers, &done);
    transfer_log_record(f->transfers, &missing);
    transfer_log_record(beside, &done);
    expect_silence(f);
    transfer_log_count(f->transfers, &counts);
    transfer_log_count(beside, &counts);
    assert_int_equal(counts.outcomes[OUTCOME_DONE], 2);
    assert_int_equal(counts.outcomes[OUTCOME_MISSING], 1);
    assert_int_equal(counts.outcomes[OUTCOME_FAILED], 0);
    assert_int_equal(counts.bytes, 2 * done.bytes);
    transfer_log_free(beside);
}

static void test_ending_writes_the_sums_that_wait(void **state)
{
    struct fixture *f = *state;
    struct transfer_record r = make_missing("192.0.2.7", 1000, "a");

    transfer_log_record(f->transfers, &r);
    transfer_log_record(f->transfers, &r);
    assert_int_equal(f->count, 1);
    transfer_log_free(f->transfers);
    f->transfers = NULL;
    assert_int_equal(f->count, 2);
    assert_non_null(strstr(f->lines[1], " times=1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_done_read_has_the_documented_shape),
        TEST(test_write_in_netascii_over_ipv6_is_told),
        TEST(test_seconds_have_one_decimal_and_three_below_one_second),
        TEST(test_each_outcome_has_its_word_and_level),
        TEST(test_reason_and_the_peers_error_follow_the_figures),
        TEST(test_empty_text_of_an_error_is_quoted_too),
        TEST(test_hostile_name_cannot_forge_a_field_or_a_line),
        TEST(test_longest_name_and_text_leave_every_field_whole),
        TEST(test_request_of_the_file_protocol_has_the_documented_shape),
        TEST(test_repeats_are_summed_for_each_door_and_operation),
        TEST(test_results_of_requests_are_the_documented_outcomes),
        TEST(test_lines_below_the_level_are_not_written),
        TEST(test_repeats_of_a_missing_file_are_summed_when_the_time_is_over),
        TEST(test_another_host_name_or_direction_is_another_sum),
        TEST(test_other_outcomes_are_never_summed),
        TEST(test_names_longer_than_a_classic_request_are_not_summed),
        TEST(test_logs_beside_each_other_sum_up_together),
        TEST(test_records_are_counted_also_below_the_level_and_over_all_logs),
        TEST(test_ending_writes_the_sums_that_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
