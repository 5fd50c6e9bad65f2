/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the policy that become others while wherryd runs, and what uploads get by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/rules_story.h"

#define WAIT_MS 20000

static void test_a_reload_brings_other_rules_and_what_runs_goes_on(void **state)
{
    struct rules_story *f = *state;
    uint8_t buf[1024];
    struct sockaddr_in peer;
    struct wire w;
    int fd;

    rules_start(f, "rule { allow = {read} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    assert_int_equal(wire_status(&w, wire_get(&w, "pub/image", 0, 1)), RULES_OK);
    fd = rules_open_from("127.0.0.1");
    rules_ask(fd, f, 1, "pub/image");
    rules_take(fd, buf, &peer, 0);
    assert_int_equal(buf[1], 3);

    /* Rules of the directory come first. */
    rules_write_dir(f, "deny.conf", "rule { path = pub allow = {} }\n");
    rules_reload(f, "configuration reloaded from");
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "pub/image"), RULES_DENIED);
    assert_int_equal(wire_status(&w, wire_get(&w, "pub/image", 0, 1)), RULES_DENIED);
    assert_int_equal(wire_status(&w, wire_get(&w, "secret/key", 0, 1)), RULES_OK);
    rules_ack(fd, &peer, 1);
    rules_take(fd, buf, &peer, 1);
    assert_int_equal(buf[1], 3);
    assert_int_equal(buf[3], 2);
    rules_ack(fd, &peer, 2);
    close(fd);

    rules_write_dir(f, "wrong.conf", "rule { allow = {all} }\n");
    rules_reload(f, "wrong.conf:1: rule: allow: \"all\" is not one of");
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "pub/image"), RULES_DENIED);
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "secret/key"), RULES_OK);

    rules_write_dir(f, "wrong.conf", "");
    rules_write_dir(f, "deny.conf", "");
    rules_reload(f, "configuration reloaded from");
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "pub/image"), RULES_OK);
    wire_close(&w);
}

static void test_a_read_only_sandbox_takes_new_rules_but_for_uploads(void **state)
{
    struct rules_story *f = *state;

    rules_start(f, "sandbox = auto\nrule { allow = {read} }\n");
    rules_write_dir(f, "a.conf", "rule { path = backup allow = {create} }\n");
    rules_reload(f, "configuration reloaded from");
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "backup/old"), RULES_DENIED);
    assert_int_equal(rules_tftp_get(f, "127.0.0.1", "pub/image"), RULES_OK);
    /* A kernel without a sandbox lets them begin. */
    if (rules_tftp_put(f, "127.0.0.1", "backup/new") == RULES_DENIED) {
        assert_false(rules_exists(f, "backup/new"));
    } else {
        assert_true(rules_exists(f, "backup/new"));
    }
}

static void test_left_overs_go_when_rules_begin_to_allow_uploads(void **state)
{
    static const char left[] = ".wherry-u00112233445566778899aabbccddeeff"; /* without a record */
    struct rules_story *f = *state;

    /* In the sandbox a server that began without uploads stays so. */
    rules_start(f, "sandbox = off\nrule { allow = {read} }\n");
    server_process_file(&f->server, left, 10);
    rules_write_dir(f, "a.conf", "rule { path = backup allow = {create} }\n");
    rules_reload(f, "removed 1 left-over temporary files");
    assert_false(rules_exists(f, left));
}

static void test_a_resumed_upload_is_judged_anew(void **state)
{
    static const uint8_t id[16] = {7, 7, 7};
    struct rules_story *f = *state;
    struct wire w;
    uint32_t request;

    rules_start(f, "rule { path = backup allow = {create} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    (void)wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_ready(&w), 0);
    wire_data(&w, "1234", 4);
    wire_close(&w);
    server_process_expect_line(&f->server, "op=write", WAIT_MS);

    rules_write_text(f->config, "rule { from = 127.0.0.2 path = backup allow = {create} }\n");
    rules_reload(f, "configuration reloaded from");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    request = wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_status(&w, request), RULES_DENIED);
    wire_close(&w);

    wire_open(&w, "127.0.0.2", &f->server.tcp); /* of the same network */
    request = wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_ready(&w), 4);
    wire_data(&w, "5678", 4);
    wire_end(&w);
    assert_int_equal(wire_status(&w, request), RULES_OK);
    wire_close(&w);
    assert_true(rules_exists(f, "backup/new"));
}

static mode_t mode_of(const struct rules_story *f, const char *name)
{
    char path[2 * RULES_PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_uploads_get_no_more_than_0640_less_umask(void **state)
{
    struct rules_story *f = *state;
    struct wire w;

    rules_start(f, "umask = 0\nrule { allow = {create} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    assert_int_equal(rules_tftp_put(f, "127.0.0.1", "tftp"), RULES_OK);
    assert_int_equal(mode_of(f, "tftp"), 0640);
    assert_int_equal(rules_tcp_put(&w, "tcp", WHERRY_PUT_CREATE), RULES_OK);
    assert_int_equal(mode_of(f, "tcp"), 0640);
    rules_write_text(f->config, "umask = 077\nrule { allow = {create} }\n");
    rules_reload(f, "configuration reloaded from");
    assert_int_equal(rules_tftp_put(f, "127.0.0.1", "tftp2"), RULES_OK);
    assert_int_equal(mode_of(f, "tftp2"), 0600);
    assert_int_equal(rules_tcp_put(&w, "tcp2", WHERRY_PUT_CREATE), RULES_OK);
    assert_int_equal(mode_of(f, "tcp2"), 0600);
    wire_close(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rules_setup, rules_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_reload_brings_other_rules_and_what_runs_goes_on),
        TEST(test_a_read_only_sandbox_takes_new_rules_but_for_uploads),
        TEST(test_left_overs_go_when_rules_begin_to_allow_uploads),
        TEST(test_a_resumed_upload_is_judged_anew),
        TEST(test_uploads_get_no_more_than_0640_less_umask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
