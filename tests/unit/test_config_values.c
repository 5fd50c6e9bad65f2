/* SPDX-License-Identifier: BSD-2-Clause */
/* What each setting may be, and what it is if nobody says. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <wherry/options.h>

#include "base/number.h"
#include "server/option_rows.h"
#include "support/config_story.h"

#define MS NUMBER_MILLISECOND
#define S NUMBER_SECOND
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static uint64_t get_number(const struct config *c, const char *key)
{
    const struct {
        const char *key;
        uint64_t value;
    } all[] = {
        {"write", c->write},
        {"log-level", c->log_level},
        {"log", c->log_syslog},
        {"blksize-max", c->blksize_max},
        {"windowsize-max", c->windowsize_max},
        {"window-bytes-max", c->window_bytes_max},
        {"refuse-options", c->refuse_options},
        {"timeout-option", c->timeout_decline},
        {"broadcast", c->broadcast_answer},
        {"sandbox", c->sandbox},
        {"umask", c->umask},
        {"upload-mode", c->upload_mode},
        {"drain-timeout", c->drain_timeout_ns},
        {"patience", c->patience_ns},
        {"workers", c->workers},
        {"transfer-ports", c->transfer_ports},
        {"segments", c->segments},
        {"upload-max", c->upload_max},
        {"disk-reserve", c->disk_reserve},
        {"upload-keep", c->upload_keep_ns},
        {"upload-kept-total", c->upload_kept_total},
        {"listings-max", c->listings_max},
        {"connections-max", c->connections_max},
        {"connections-per-address", c->connections_per_address},
        {"hello-timeout", c->hello_timeout_ns},
        {"frame-timeout", c->frame_timeout_ns},
        {"body-rate", c->body_rate},
        {"body-timeout", c->body_timeout_ns},
        {"idle-timeout", c->idle_timeout_ns},
        {"max-frame", c->max_frame},
        {"requests-max", c->requests_max},
        {"output-max", c->output_max},
        {"turn-max", c->turn_max},
        {"user-timeout", c->user_timeout_ns},
        {"keepalive-idle", c->keepalive_idle_ns},
        {"keepalive-interval", c->keepalive_interval_ns},
        {"keepalive-count", c->keepalive_count},
        {"listen", c->endpoint_count},
        {"root", strlen(c->root)},
        {"user", c->user != NULL ? strlen(c->user) : 0},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].key, key) == 0) {
            return all[i].value;
        }
    }
    fail_msg("no value for '%s': add its cases", key);
    return 0;
}

/* clang-format off */
/* Lowest, highest and what users write in between. Texts count by their length, endpoints by
 * their number. */
static const struct {
    const char *key;
    const char *text;
    uint64_t value;
} good[] = {
    {"root",             "/",                     1},
    {"root",             "relative dir",          12},
    {"listen",           "tftp://127.0.0.1:6969", 1},
    {"listen",           "tftp://[::1]:0",        1},
    {"listen",           "tftp://192.0.2.1",      1},
    {"listen",           "wherry://127.0.0.1",    1},
    {"write",            "none",                  POLICY_WRITE_NONE},
    {"write",            "create",                POLICY_WRITE_CREATE},
    {"write",            "replace",               POLICY_WRITE_REPLACE},
    {"user",             "x",                     1},
    {"sandbox",          "auto",                  CONFIG_SANDBOX_AUTO},
    {"sandbox",          "required",              CONFIG_SANDBOX_REQUIRED},
    {"sandbox",          "off",                   CONFIG_SANDBOX_OFF},
    {"log-level",        "error",                 LOG_LEVEL_ERROR},
    {"log-level",        "warning",               LOG_LEVEL_WARNING},
    {"log-level",        "info",                  LOG_LEVEL_INFO},
    {"log-level",        "debug",                 LOG_LEVEL_DEBUG},
    {"log",              "stderr",                false},
    {"log",              "syslog",                true},
    {"blksize-max",      "8",                     8},
    {"blksize-max",      "1428",                  1428},
    {"blksize-max",      "65464",                 65464},
    {"blksize-max",      "mtu",                   65464},
    {"windowsize-max",   "1",                     1},
    {"windowsize-max",   "32767",                 32767},
    {"window-bytes-max", "512",                   512},
    {"window-bytes-max", "64K",                   65536},
    {"window-bytes-max", "4MiB",                  4194304},
    {"window-bytes-max", "1GiB",                  1073741824},
    {"refuse-options",   "",                      0},
    {"refuse-options",   "blksize",               1u << WHERRY_BLKSIZE},
    {"refuse-options",   "tsize,windowsize",      1u << WHERRY_TSIZE | 1u << WHERRY_WINDOWSIZE},
    {"refuse-options",   " timeout , utimeout ",  1u << WHERRY_TIMEOUT | 1u << WHERRY_UTIMEOUT},
    {"refuse-options",   "rollover,blksize2",     1u << WHERRY_ROLLOVER | 1u << WHERRY_BLKSIZE2},
    {"timeout-option",   "honour",                false},
    {"timeout-option",   "decline",               true},
    {"broadcast",        "drop",                  false},
    {"broadcast",        "answer",                true},
    {"umask",            "0",                     0},
    {"umask",            "027",                   027},
    {"umask",            "0777",                  0777},
    {"upload-mode",      "0000",                  0},
    {"upload-mode",      "0600",                  0600},
    {"upload-mode",      "0640",                  0640},
    {"upload-mode",      "440",                   0440},
    {"drain-timeout",    "0s",                    0},
    {"drain-timeout",    "250ms",                 250 * MS},
    {"drain-timeout",    "2m",                    120 * S},
    {"drain-timeout",    "1h",                    3600 * S},
    {"patience",         "1s",                    S},
    {"patience",         "90",                    90 * S},
    {"patience",         "1h",                    3600 * S},
    {"workers",          "auto",                  0},
    {"workers",          "1",                     1},
    {"workers",          "64",                    64},
    {"transfer-ports",   "auto",                  TRANSFER_PORTS_AUTO},
    {"transfer-ports",   "own",                   TRANSFER_PORTS_OWN},
    {"transfer-ports",   "shared",                TRANSFER_PORTS_SHARED},
    {"segments",         "auto",                  UDP_SEGMENTS_AUTO},
    {"segments",         "off",                   UDP_SEGMENTS_OFF},
    {"upload-max",              "0",                     0},
    {"upload-max",              "1",                     1},
    {"upload-max",              "4GiB",                  4 * GIB},
    {"upload-max",              "4611686018427387904",   UINT64_C(1) << 62},
    {"disk-reserve",            "0",                     0},
    {"disk-reserve",            "500M",                  500 * MIB},
    {"disk-reserve",            "4611686018427387904",   UINT64_C(1) << 62},
    {"upload-keep",             "0s",                    0},
    {"upload-keep",             "90m",                   5400 * S},
    {"upload-keep",             "720h",                  720 * 3600 * S},
    {"upload-kept-total",       "0",                     0},
    {"upload-kept-total",       "10G",                   10 * GIB},
    {"upload-kept-total",       "4611686018427387904",   UINT64_C(1) << 62},
    {"listings-max",            "1",                     1},
    {"listings-max",            "65536",                 65536},
    {"connections-max",         "1",                     1},
    {"connections-max",         "1000000",               1000000},
    {"connections-per-address", "1",                     1},
    {"connections-per-address", "1000000",               1000000},
    {"hello-timeout",           "100ms",                 100 * MS},
    {"hello-timeout",           "1h",                    3600 * S},
    {"frame-timeout",           "100ms",                 100 * MS},
    {"frame-timeout",           "1h",                    3600 * S},
    {"body-rate",               "1",                     1},
    {"body-rate",               "1GiB",                  GIB},
    {"body-timeout",            "100ms",                 100 * MS},
    {"body-timeout",            "1h",                    3600 * S},
    {"idle-timeout",            "100ms",                 100 * MS},
    {"idle-timeout",            "24h",                   86400 * S},
    {"max-frame",               "64KiB",                 65536},
    {"max-frame",               "16777215",              16777215},
    {"requests-max",            "1",                     1},
    {"requests-max",            "1024",                  1024},
    {"output-max",              "32KiB",                 32768},
    {"output-max",              "1GiB",                  GIB},
    {"turn-max",                "4KiB",                  4096},
    {"turn-max",                "1GiB",                  GIB},
    {"user-timeout",            "1s",                    S},
    {"user-timeout",            "1h",                    3600 * S},
    {"keepalive-idle",          "1s",                    S},
    {"keepalive-idle",          "9h",                    32400 * S},
    {"keepalive-interval",      "1s",                    S},
    {"keepalive-interval",      "9h",                    32400 * S},
    {"keepalive-count",         "1",                     1},
    {"keepalive-count",         "127",                   127},
};

/* Below, above, garbage; and the words that the message must hold. */
static const struct {
    const char *key;
    const char *text;
    const char *allowed;
} bad[] = {
    {"root",             "",                 "at least one character"},
    {"listen",           "",                 "tftp://"},
    {"listen",           "127.0.0.1:69",     "tftp://"},
    {"listen",           "http://127.0.0.1", "tftp://"},
    {"listen",           "tftp://[::]:65536", "65535"},
    {"write",            "all",              "none, create, replace"},
    {"write",            "Create",           "none, create, replace"},
    {"write",            "",                 "none, create, replace"},
    {"user",             "",                 "at least one character"},
    {"sandbox",          "on",               "auto, required, off"},
    {"log-level",        "notice",           "error, warning, info, debug"},
    {"log",              "stdout",           "stderr, syslog"},
    {"blksize-max",      "7",                "8 to 65464 or the word mtu"},
    {"blksize-max",      "65465",            "8 to 65464 or the word mtu"},
    {"blksize-max",      "large",            "8 to 65464 or the word mtu"},
    {"blksize-max",      "",                 "8 to 65464 or the word mtu"},
    {"windowsize-max",   "0",                "1 to 32767"},
    {"windowsize-max",   "32768",            "1 to 32767"},
    {"windowsize-max",   "-1",               "1 to 32767"},
    {"windowsize-max",   "18446744073709551617", "1 to 32767"},
    {"windowsize-max",   "64 blocks",        "1 to 32767"},
    {"window-bytes-max", "511",              "1GiB"},
    {"window-bytes-max", "1073741825",       "1GiB"},
    {"window-bytes-max", "4MX",              "1GiB, in bytes or with K, M, G or T"},
    {"refuse-options",   "tsise",            "blksize, blksize2, timeout, utimeout, tsize"},
    {"refuse-options",   "tsize,",           "rollover, windowsize"},
    {"refuse-options",   ",tsize",           "rollover, windowsize"},
    {"refuse-options",   "tsize blksize",    "rollover, windowsize"},
    {"timeout-option",   "ignore",           "honour, decline"},
    {"broadcast",        "yes",              "drop, answer"},
    {"umask",            "01000",            "0000 to 0777"},
    {"umask",            "08",               "0000 to 0777"},
    {"upload-mode",      "0660",             "than those of 0640: 0020 is too much"},
    {"upload-mode",      "0577",             "than those of 0640: 0137 is too much"},
    {"upload-mode",      "0641",             "than those of 0640: 0001 is too much"},
    {"upload-mode",      "4755",             "than those of 0640: 4115 is too much"},
    {"upload-mode",      "rw-r-----",        "without other bits than those of 0640"},
    {"drain-timeout",    "3601s",            "1h"},
    {"drain-timeout",    "-1s",              "1h"},
    {"drain-timeout",    "5min",             "1h, in seconds or with ms, s, m or h"},
    {"drain-timeout",    "5 parsecs",        "1h"},
    {"patience",         "999ms",            "1s to 1h"},
    {"patience",         "61m",              "1s to 1h"},
    {"patience",         "long",             "1s to 1h"},
    {"workers",          "0",                "1 to 64 or the word auto"},
    {"workers",          "65",               "1 to 64 or the word auto"},
    {"workers",          "all",              "1 to 64 or the word auto"},
    {"workers",          "",                 "1 to 64 or the word auto"},
    {"transfer-ports",   "single",           "auto, own, shared"},
    {"segments",         "on",               "auto, off"},
    {"upload-max",              "4611686018427387905",   "a size from 0 to "},
    {"upload-max",              "-1",                    "a size from 0 to "},
    {"upload-max",              "none",                  "a size from 0 to "},
    {"disk-reserve",            "10%",                   "a size from 0 to "},
    {"disk-reserve",            "4611686018427387905",   "a size from 0 to "},
    {"upload-keep",             "721h",                  "0s to 720h"},
    {"upload-keep",             "-1s",                   "0s to 720h"},
    {"upload-keep",             "1d",                    "0s to 720h"},
    {"upload-kept-total",       "4611686018427387905",   "a size from 0 to "},
    {"upload-kept-total",       "lots",                  "a size from 0 to "},
    {"listings-max",            "0",                     "1 to 65536"},
    {"listings-max",            "65537",                 "1 to 65536"},
    {"listings-max",            "few",                   "1 to 65536"},
    {"connections-max",         "0",                     "1 to 1000000"},
    {"connections-max",         "1000001",               "1 to 1000000"},
    {"connections-max",         "1k",                    "1 to 1000000"},
    {"connections-per-address", "0",                     "1 to 1000000"},
    {"connections-per-address", "1000001",               "1 to 1000000"},
    {"hello-timeout",           "99ms",                  "100ms to 1h"},
    {"hello-timeout",           "3601s",                 "100ms to 1h"},
    {"frame-timeout",           "99ms",                  "100ms to 1h"},
    {"frame-timeout",           "3601s",                 "100ms to 1h"},
    {"body-rate",               "0",                     "1 to 1GiB"},
    {"body-rate",               "1073741825",            "1 to 1GiB"},
    {"body-rate",               "1KiB/s",                "1 to 1GiB"},
    {"body-timeout",            "99ms",                  "100ms to 1h"},
    {"body-timeout",            "3601s",                 "100ms to 1h"},
    {"idle-timeout",            "99ms",                  "100ms to 24h"},
    {"idle-timeout",            "86401s",                "100ms to 24h"},
    {"idle-timeout",            "never",                 "100ms to 24h"},
    {"max-frame",               "65535",                 "64KiB to 16777215"},
    {"max-frame",               "16MiB",                 "64KiB to 16777215"},
    {"requests-max",            "0",                     "1 to 1024"},
    {"requests-max",            "1025",                  "1 to 1024"},
    {"output-max",              "32767",                 "32KiB to 1GiB"},
    {"output-max",              "1073741825",            "32KiB to 1GiB"},
    {"turn-max",                "4095",                  "4KiB to 1GiB"},
    {"turn-max",                "1073741825",            "4KiB to 1GiB"},
    {"user-timeout",            "999ms",                 "1s to 1h"},
    {"user-timeout",            "3601s",                 "1s to 1h"},
    {"keepalive-idle",          "999ms",                 "1s to 9h"},
    {"keepalive-idle",          "32401s",                "1s to 9h"},
    {"keepalive-interval",      "999ms",                 "1s to 9h"},
    {"keepalive-interval",      "32401s",                "1s to 9h"},
    {"keepalive-count",         "0",                     "1 to 127"},
    {"keepalive-count",         "128",                   "1 to 127"},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_every_row_has_cases(void **state)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool accepts = false;
        bool refuses = false;

        for (size_t j = 0; j < COUNT(good); j++) {
            accepts = accepts || strcmp(good[j].key, rows[i].name) == 0;
        }
        for (size_t j = 0; j < COUNT(bad); j++) {
            refuses = refuses || strcmp(bad[j].key, rows[i].name) == 0;
        }
        if (option_in_file(&rows[i]) && (!accepts || !refuses)) {
            fail_msg("'%s' is not tested", rows[i].name);
        }
    }
}

static void test_value_in_range_is_taken_from_command_line_and_file(void **state)
{
    struct config_story *f = *state;

    for (size_t i = 0; i < COUNT(good); i++) {
        config_story_option(f, good[i].key, good[i].text);
        config_story_expect_ok(f);
        assert_int_equal(get_number(f->config, good[i].key), good[i].value);
        config_story_key(f, good[i].key, good[i].text);
        config_story_expect_ok(f);
        assert_int_equal(get_number(f->config, good[i].key), good[i].value);
    }
}

static void test_wrong_value_on_the_command_line_names_option_and_range(void **state)
{
    struct config_story *f = *state;
    char option[PATH_BYTES];

    for (size_t i = 0; i < COUNT(bad); i++) {
        config_story_option(f, bad[i].key, bad[i].text);
        snprintf(option, sizeof(option), "--%s: ", bad[i].key);
        config_story_expect_refused(f, option);
        config_story_expect_refused(f, bad[i].allowed);
    }
}

static void test_wrong_value_in_the_file_names_line_key_and_range(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    for (size_t i = 0; i < COUNT(bad); i++) {
        config_story_key(f, bad[i].key, bad[i].text);
        snprintf(place, sizeof(place), "%s:3: %s: ", f->path, bad[i].key);
        config_story_expect_refused(f, place);
        config_story_expect_refused(f, bad[i].allowed);
    }
}

static void test_nothing_said_gives_the_documented_defaults(void **state)
{
    struct config_story *f = *state;
    const struct config *c;

    READ(f, "--config", "/dev/null");
    config_story_expect_ok(f);
    c = f->config;
    assert_int_equal(f->wish.action, CONFIG_SERVE);
    assert_string_equal(c->root, "/srv/tftp");
    assert_int_equal(c->endpoint_count, 3);
    assert_string_equal(c->endpoint_urls[0], "tftp://[::]:69");
    assert_int_equal(c->endpoints[0].scheme, ENDPOINT_TFTP);
    assert_int_equal(addr_port(&c->endpoints[0].addr), 69);
    assert_string_equal(c->endpoint_urls[1], "wherry://[::1]:7069");
    assert_string_equal(c->endpoint_urls[2], "wherry://127.0.0.1:7069");
    assert_int_equal(c->endpoints[2].scheme, ENDPOINT_WHERRY);
    assert_true(c->endpoints_preset);
    assert_int_equal(c->write, POLICY_WRITE_NONE);
    assert_null(c->user);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    assert_false(c->log_syslog);
    assert_int_equal(c->blksize_max, 65464);
    assert_false(c->blksize_mtu);
    assert_int_equal(c->windowsize_max, 64);
    assert_int_equal(c->window_bytes_max, 4194304);
    assert_int_equal(c->refuse_options, 0);
    assert_false(c->timeout_decline);
    assert_false(c->broadcast_answer);
    assert_int_equal(c->upload_mode, 0640);
    assert_int_equal(c->upload_mode & ~c->umask, 0640);
    assert_int_equal(c->drain_timeout_ns, 10 * S);
    assert_int_equal(c->patience_ns, 60 * S);
    assert_int_equal(c->workers, 0);
    assert_int_equal(c->transfer_ports, TRANSFER_PORTS_AUTO);
    assert_int_equal(c->segments, UDP_SEGMENTS_AUTO);
}

static void test_automatic_workers_follow_the_processors_allowed_now(void **state)
{
    struct config_story *f = *state;
    cpu_set_t before, one;
    size_t first = 0;

    READ(f, "--config", "/dev/null");
    config_story_expect_ok(f);
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(config_workers(f->config), CPU_COUNT(&before) > CONFIG_WORKERS_MAX
                                                    ? CONFIG_WORKERS_MAX
                                                    : CPU_COUNT(&before));
    while (!CPU_ISSET(first, &before)) {
        first++;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(config_workers(f->config), 1);
    READ(f, "--config", "/dev/null", "--workers", "3");
    config_story_expect_ok(f);
    assert_int_equal(config_workers(f->config), 3);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_nothing_said_gives_the_documented_limits_of_the_file_protocol(void **state)
{
    struct config_story *f = *state;
    const struct config *c;

    READ(f, "--config", "/dev/null");
    config_story_expect_ok(f);
    c = f->config;
    assert_int_equal(c->upload_max, 0); /* no limit */
    assert_int_equal(c->disk_reserve, 0);
    assert_int_equal(c->upload_keep_ns, 24 * 3600 * S);
    assert_int_equal(c->upload_kept_total, GIB);
    assert_int_equal(c->listings_max, 64);
    assert_int_equal(c->connections_max, 1024);
    assert_int_equal(c->connections_per_address, 64);
    assert_int_equal(c->hello_timeout_ns, 5 * S);
    assert_int_equal(c->frame_timeout_ns, 10 * S);
    assert_int_equal(c->body_rate, 1024);
    assert_int_equal(c->body_timeout_ns, 30 * S);
    assert_int_equal(c->idle_timeout_ns, 120 * S);
    assert_int_equal(c->max_frame, MIB);
    assert_int_equal(c->requests_max, 16);
    assert_int_equal(c->output_max, 65536);
    assert_int_equal(c->turn_max, MIB);
    assert_int_equal(c->user_timeout_ns, 30 * S);
    assert_int_equal(c->keepalive_idle_ns, 60 * S);
    assert_int_equal(c->keepalive_interval_ns, 10 * S);
    assert_int_equal(c->keepalive_count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_story_setup, config_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_row_has_cases),
        TEST(test_value_in_range_is_taken_from_command_line_and_file),
        TEST(test_wrong_value_on_the_command_line_names_option_and_range),
        TEST(test_wrong_value_in_the_file_names_line_key_and_range),
        TEST(test_nothing_said_gives_the_documented_defaults),
        TEST(test_nothing_said_gives_the_documented_limits_of_the_file_protocol),
        TEST(test_automatic_workers_follow_the_processors_allowed_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
