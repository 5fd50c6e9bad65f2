/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched.h>
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

#include <wherry/options.h>

#include "base/number.h"
#include "server/config.h"
#include "server/option_rows.h"

#define WORDS_MAX 32
#define PATH_BYTES 256
#define MS NUMBER_MILLISECOND
#define S NUMBER_SECOND
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* A directory with a configuration file in it, and what config_read() answered last. */
struct fixture {
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 16];
    struct config *config;
    enum config_action action;
    enum res r;
    char why[CONFIG_WHY];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
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

static int teardown(void **state)
{
    struct fixture *f = *state;

    config_free(f->config);
    (void)unlink(f->path); /* not every test writes one */
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static void write_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Reads `wherryd WORDS...`; words end with NULL. */
static void read_words(struct fixture *f, const char *const words[])
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
    f->r = config_read(argc, argv, &f->config, &f->action, f->why, sizeof(f->why));
}

#define READ(f, ...) read_words(f, (const char *const[]){__VA_ARGS__, NULL})

/* From the command line alone: no file of this machine disturbs. */
static void read_option(struct fixture *f, const char *key, const char *value)
{
    char word[PATH_BYTES];

    snprintf(word, sizeof(word), "--%s=%s", key, value);
    READ(f, "--config", "/dev/null", word);
}

/* From a file alone, on its third line. */
static void read_key(struct fixture *f, const char *key, const char *value)
{
    char text[PATH_BYTES];

    snprintf(text, sizeof(text), "# comment\n\n%s = \"%s\"\n", key, value);
    write_file(f, text);
    READ(f, "--config", f->path);
}

static void expect_ok(const struct fixture *f)
{
    if (f->r != RES_OK) {
        fail_msg("%s: %s", wherry_res_text(f->r), f->why);
    }
    assert_non_null(f->config);
}

static void expect_refused(const struct fixture *f, const char *part)
{
    assert_int_equal(f->r, RES_PROTOCOL);
    assert_null(f->config);
    if (strstr(f->why, part) == NULL) {
        fail_msg("'%s' does not say '%s'", f->why, part);
    }
    assert_null(strchr(f->why, '\n'));
}

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
    {"upload-mode",      "0664",                  0664},
    {"upload-mode",      "0777",                  0777},
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
    {"window-bytes-max", "4MX",              "1GiB, in bytes or with K, M or G"},
    {"refuse-options",   "tsise",            "blksize, blksize2, timeout, utimeout, tsize"},
    {"refuse-options",   "tsize,",           "rollover, windowsize"},
    {"refuse-options",   ",tsize",           "rollover, windowsize"},
    {"refuse-options",   "tsize blksize",    "rollover, windowsize"},
    {"timeout-option",   "ignore",           "honour, decline"},
    {"broadcast",        "yes",              "drop, answer"},
    {"umask",            "01000",            "0000 to 0777"},
    {"umask",            "08",               "0000 to 0777"},
    {"upload-mode",      "4755",             "0000 to 0777"},
    {"upload-mode",      "rw-r-----",        "0000 to 0777"},
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
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(good); i++) {
        read_option(f, good[i].key, good[i].text);
        expect_ok(f);
        assert_int_equal(get_number(f->config, good[i].key), good[i].value);
        read_key(f, good[i].key, good[i].text);
        expect_ok(f);
        assert_int_equal(get_number(f->config, good[i].key), good[i].value);
    }
}

static void test_wrong_value_on_the_command_line_names_option_and_range(void **state)
{
    struct fixture *f = *state;
    char option[PATH_BYTES];

    for (size_t i = 0; i < COUNT(bad); i++) {
        read_option(f, bad[i].key, bad[i].text);
        snprintf(option, sizeof(option), "--%s: ", bad[i].key);
        expect_refused(f, option);
        expect_refused(f, bad[i].allowed);
    }
}

static void test_wrong_value_in_the_file_names_line_key_and_range(void **state)
{
    struct fixture *f = *state;
    char place[2 * PATH_BYTES];

    for (size_t i = 0; i < COUNT(bad); i++) {
        read_key(f, bad[i].key, bad[i].text);
        snprintf(place, sizeof(place), "%s:3: %s: ", f->path, bad[i].key);
        expect_refused(f, place);
        expect_refused(f, bad[i].allowed);
    }
}

static void test_nothing_said_gives_the_documented_defaults(void **state)
{
    struct fixture *f = *state;
    const struct config *c;

    READ(f, "--config", "/dev/null");
    expect_ok(f);
    c = f->config;
    assert_int_equal(f->action, CONFIG_SERVE);
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
    struct fixture *f = *state;
    cpu_set_t before, one;
    size_t first = 0;

    READ(f, "--config", "/dev/null");
    expect_ok(f);
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
    expect_ok(f);
    assert_int_equal(config_workers(f->config), 3);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_nothing_said_gives_the_documented_limits_of_the_file_protocol(void **state)
{
    struct fixture *f = *state;
    const struct config *c;

    READ(f, "--config", "/dev/null");
    expect_ok(f);
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

static void test_mtu_clamps_and_a_number_does_not(void **state)
{
    struct fixture *f = *state;

    write_file(f, "blksize-max = mtu\n");
    READ(f, "--config", f->path);
    expect_ok(f);
    assert_true(f->config->blksize_mtu);
    READ(f, "--config", f->path, "--blksize-max", "1024");
    expect_ok(f);
    assert_false(f->config->blksize_mtu);
    assert_int_equal(f->config->blksize_max, 1024);
}

static void test_command_line_wins_over_file_and_file_over_default(void **state)
{
    struct fixture *f = *state;

    write_file(f, "patience = 7s\nwindowsize-max = 9\nroot = \"/from/file\"\n");
    READ(f, "--windowsize-max", "5", "-c", f->path, "-r", "/from/words");
    expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * S);
    assert_int_equal(f->config->windowsize_max, 5);
    assert_string_equal(f->config->root, "/from/words");
    assert_string_equal(f->config->file, f->path);
}

static void test_last_of_repeated_options_counts(void **state)
{
    struct fixture *f = *state;

    READ(f, "--config", "/dev/null", "-w", "create", "--write", "replace");
    expect_ok(f);
    assert_int_equal(f->config->write, POLICY_WRITE_REPLACE);
}

static void test_listen_is_a_list_in_file_and_repeatable_as_option(void **state)
{
    struct fixture *f = *state;

    write_file(f, "listen = {\"tftp://127.0.0.1:1069\",\n  \"tftp://[::1]:2069\"}\n");
    READ(f, "--config", f->path);
    expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 2);
    assert_string_equal(f->config->endpoint_urls[1], "tftp://[::1]:2069");
    assert_int_equal(addr_port(&f->config->endpoints[1].addr), 2069);
    assert_false(f->config->endpoints_preset);

    /* The command line's list takes the place of the file's. */
    READ(f, "--config", f->path, "--listen", "tftp://127.0.0.2:3069", "-l", "tftp://127.0.0.3:4069",
         "-l", "tftp://127.0.0.4:5069");
    expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 3);
    assert_string_equal(f->config->endpoint_urls[0], "tftp://127.0.0.2:3069");
    assert_string_equal(f->config->endpoint_urls[2], "tftp://127.0.0.4:5069");
}

static void test_wrong_value_in_a_list_names_its_own_line(void **state)
{
    struct fixture *f = *state;
    char place[2 * PATH_BYTES];

    write_file(f, "listen = {\"tftp://127.0.0.1:1069\",\n  \"tftp:/[::1]:2069\"}\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: listen: ", f->path);
    expect_refused(f, place);
}

static void test_empty_list_of_endpoints_is_refused(void **state)
{
    struct fixture *f = *state;

    write_file(f, "listen = {}\n");
    READ(f, "--config", f->path);
    expect_refused(f, "at least one tftp://ADDR:PORT or wherry://ADDR:PORT");
}

static void test_options_to_refuse_are_a_list_in_the_file(void **state)
{
    struct fixture *f = *state;

    write_file(f, "refuse-options = {\"tsize\", \"windowsize\"}\n");
    READ(f, "--config", f->path);
    expect_ok(f);
    assert_int_equal(f->config->refuse_options, 1u << WHERRY_TSIZE | 1u << WHERRY_WINDOWSIZE);
    READ(f, "--config", f->path, "--refuse-options", "");
    expect_ok(f);
    assert_int_equal(f->config->refuse_options, 0);
}

static void test_unknown_key_names_line_key_and_all_keys(void **state)
{
    struct fixture *f = *state;
    char place[2 * PATH_BYTES];
    size_t count;
    const struct option_row *rows = option_rows(&count);

    write_file(f, "root = \"/\"\nrooot = \"/\"\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: ", f->path);
    expect_refused(f, place);
    expect_refused(f, "'rooot'");
    for (size_t i = 0; i < count; i++) {
        if (option_in_file(&rows[i])) {
            expect_refused(f, rows[i].name);
        }
    }
}

static void test_options_of_the_command_line_are_no_keys(void **state)
{
    struct fixture *f = *state;

    write_file(f, "check = 1\n");
    READ(f, "--config", f->path);
    expect_refused(f, "'check'");
}

static void test_syntax_error_names_the_line(void **state)
{
    struct fixture *f = *state;
    char place[2 * PATH_BYTES];

    write_file(f, "\n\nroot \"/\"\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:3: ", f->path);
    expect_refused(f, place);
    write_file(f, "umask = 022\nroot = \"never closed\npatience = 7s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: this string is never closed", f->path);
    expect_refused(f, place);
    write_file(f, "patience = 7s\n"); /* and nothing of it is left */
    READ(f, "--config", f->path);
    expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * S);
}

static void test_comments_do_not_move_the_line_of_an_error(void **state)
{
    struct fixture *f = *state;
    char place[2 * PATH_BYTES];

    write_file(f, "# one\n//two\n/* three\n   four */ patience = 7s # five\n\npatience = 0s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:6: patience: ", f->path);
    expect_refused(f, place);
    write_file(f, "# one\n# two\npatiense = 7s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:3: ", f->path);
    expect_refused(f, place);
}

static void test_file_with_nul_bytes_is_refused(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite("umask = 0\0007\n", 1, 13, file), 13);
    assert_int_equal(fclose(file), 0);
    READ(f, "--config", f->path);
    expect_refused(f, "it holds NUL bytes");
}

static void test_missing_file_is_an_error_when_it_was_named(void **state)
{
    struct fixture *f = *state;

    READ(f, "--config", f->path);
    assert_int_equal(f->r, RES_NOT_FOUND);
    assert_non_null(strstr(f->why, f->path));
    READ(f, "--config", f->dir);
    assert_int_equal(f->r, RES_IS_DIR);
    assert_non_null(strstr(f->why, f->dir));
}

static void test_unknown_option_is_named(void **state)
{
    struct fixture *f = *state;

    READ(f, "--rooot", "/srv");
    expect_refused(f, "unknown option \"--rooot\"");
    READ(f, "--write", "none", "-z");
    expect_refused(f, "unknown option -z");
    READ(f, "-Vz"); /* also behind a good one */
    expect_refused(f, "unknown option -z");
}

static void test_ambiguous_option_lists_what_it_could_be(void **state)
{
    struct fixture *f = *state;

    READ(f, "--u=x");
    expect_refused(f, "one of --user, --umask, --upload-mode, --upload-max, --upload-keep, "
                      "--upload-kept-total, --user-timeout");
    READ(f, "--pat", "7s", "--config", "/dev/null");
    expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * S);
}

static void test_missing_value_says_what_is_expected(void **state)
{
    struct fixture *f = *state;

    READ(f, "--windowsize-max");
    expect_refused(f, "--windowsize-max needs a value: a number from 1 to 32767");
    READ(f, "-w");
    expect_refused(f, "--write needs a value: one of none, create, replace");
}

static void test_superfluous_words_are_refused(void **state)
{
    struct fixture *f = *state;

    READ(f, "/srv/tftp");
    expect_refused(f, "unexpected argument \"/srv/tftp\"");
    READ(f, "--check=yes");
    expect_refused(f, "--check takes no value");
}

static void test_control_characters_of_a_value_are_quoted(void **state)
{
    struct fixture *f = *state;

    READ(f, "--write", "a\033[2J\n\"");
    expect_refused(f, "\"a\\x1b[2J\\x0a\\\"\"");
}

static void test_actions_are_told(void **state)
{
    struct fixture *f = *state;

    READ(f, "--check", "--config", "/dev/null");
    expect_ok(f);
    assert_int_equal(f->action, CONFIG_CHECK);
    READ(f, "--help", "--check");
    assert_int_equal(f->r, RES_OK);
    assert_null(f->config);
    assert_int_equal(f->action, CONFIG_HELP);
    READ(f, "--check", "-V");
    assert_int_equal(f->r, RES_OK);
    assert_int_equal(f->action, CONFIG_VERSION);
}

static void test_reading_again_sees_the_new_file_and_the_same_words(void **state)
{
    struct fixture *f = *state;

    write_file(f, "windowsize-max = 9\n");
    READ(f, "--config", f->path, "--patience", "7s");
    expect_ok(f);
    write_file(f, "windowsize-max = 10\n");
    READ(f, "--config", f->path, "--patience", "7s");
    expect_ok(f);
    assert_int_equal(f->config->windowsize_max, 10);
    assert_int_equal(f->config->patience_ns, 7 * S);
}

static void test_failed_reading_leaves_the_old_configuration(void **state)
{
    struct fixture *f = *state;
    struct config *before;
    char *argv[] = {(char *)(uintptr_t) "wherryd", (char *)(uintptr_t) "--config", f->path, NULL};

    write_file(f, "windowsize-max = 9\n");
    READ(f, "--config", f->path);
    expect_ok(f);
    before = f->config;
    write_file(f, "windowsize-max = many\n");
    assert_int_equal(config_read(3, argv, &f->config, &f->action, f->why, sizeof(f->why)),
                     RES_PROTOCOL);
    assert_ptr_equal(f->config, before);
    assert_int_equal(f->config->windowsize_max, 9);
}

static char *print(const struct config *c)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    config_print(c, to);
    assert_int_equal(fclose(to), 0);
    return text;
}

static void test_printed_settings_are_a_configuration_file(void **state)
{
    struct fixture *f = *state;
    char *first;
    char *second;

    READ(f, "--config", "/dev/null", "--root", "/odd \"name\" \\ ${HOME}", "--user", "x",
         "--listen", "tftp://127.0.0.1:1", "--listen", "tftp://[::1]:2", "--refuse-options",
         "tsize,rollover", "--listen", "wherry://127.0.0.1:3", "--upload-max", "123456789",
         "--patience", "1500ms", "--window-bytes-max", "5000", "--umask", "7");
    expect_ok(f);
    first = print(f->config);
    write_file(f, first);
    READ(f, "--config", f->path);
    expect_ok(f);
    assert_string_equal(f->config->root, "/odd \"name\" \\ ${HOME}");
    second = print(f->config);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_help_holds_every_option_and_its_default(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    size_t count;
    const struct option_row *rows = option_rows(&count);

    (void)state;
    assert_non_null(to);
    config_print_help(to);
    assert_int_equal(fclose(to), 0);
    for (size_t i = 0; i < count; i++) {
        char part[PATH_BYTES];
        const char *at;

        snprintf(part, sizeof(part), "--%s%s%s", rows[i].name, rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        at = strstr(text, part);
        assert_non_null(at);
        assert_non_null(strstr(at, rows[i].help));
        if (rows[i].preset != NULL) {
            assert_non_null(strstr(at, rows[i].preset));
        }
    }
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(test_mtu_clamps_and_a_number_does_not),
        TEST(test_command_line_wins_over_file_and_file_over_default),
        TEST(test_last_of_repeated_options_counts),
        TEST(test_listen_is_a_list_in_file_and_repeatable_as_option),
        TEST(test_wrong_value_in_a_list_names_its_own_line),
        TEST(test_empty_list_of_endpoints_is_refused),
        TEST(test_options_to_refuse_are_a_list_in_the_file),
        TEST(test_unknown_key_names_line_key_and_all_keys),
        TEST(test_options_of_the_command_line_are_no_keys),
        TEST(test_syntax_error_names_the_line),
        TEST(test_comments_do_not_move_the_line_of_an_error),
        TEST(test_file_with_nul_bytes_is_refused),
        TEST(test_missing_file_is_an_error_when_it_was_named),
        TEST(test_unknown_option_is_named),
        TEST(test_ambiguous_option_lists_what_it_could_be),
        TEST(test_missing_value_says_what_is_expected),
        TEST(test_superfluous_words_are_refused),
        TEST(test_control_characters_of_a_value_are_quoted),
        TEST(test_actions_are_told),
        TEST(test_reading_again_sees_the_new_file_and_the_same_words),
        TEST(test_failed_reading_leaves_the_old_configuration),
        TEST(test_printed_settings_are_a_configuration_file),
        TEST(test_help_holds_every_option_and_its_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
