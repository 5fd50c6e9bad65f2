/* SPDX-License-Identifier: BSD-2-Clause */
/* Both doors of a running wherryd on one directory: what comes in by one is at once had by the
 * other, and while both write one name, whoever reads it by either gets one version whole. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/pattern.h"

#define STATUS_OK 0u
#define ROUNDS 100u
#define VERSION_BYTES                                                                              \
    40000u /* and one more for each round, so that lengths tell versions apart                     \
            */

static const char *const words[] = {SERVER_PROCESS_TCP, "--write", "replace", NULL};

struct doors {
    struct server_process server;
    char local[80];
};

/* Starts `wherry COMMAND FROM TO`. */
static pid_t start_wherry(const char *command, const char *from, const char *to)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        execl(WHERRY, WHERRY, command, "-q", from, to, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void await(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void tftp_url(const struct doors *d, const char *name, char url[128])
{
    (void)snprintf(url, 128, "tftp://127.0.0.1:%u/%s", ntohs(d->server.addr.sin_port), name);
}

static void write_local(const struct doors *d, const uint8_t *bytes, size_t len)
{
    FILE *f = fopen(d->local, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static size_t read_local(const struct doors *d, uint8_t *bytes, size_t cap)
{
    FILE *f = fopen(d->local, "r");
    size_t len;

    assert_non_null(f);
    len = fread(bytes, 1, cap, f);
    assert_int_equal(fclose(f), 0);
    return len;
}

static unsigned put_tcp(struct wire *w, const char *name, const uint8_t *bytes, size_t len)
{
    uint32_t id = wire_put(w, name, len, WHERRY_PUT_REPLACE, NULL);

    (void)wire_ready(w);
    wire_data(w, bytes, len);
    wire_end(w);
    return wire_status(w, id);
}

/* Version v is 40,000 + v bytes that all say v. */
static void expect_one_version(const uint8_t *bytes, size_t len)
{
    assert_in_range(len, VERSION_BYTES, VERSION_BYTES + 2 * ROUNDS);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(bytes[i], (uint8_t)(len - VERSION_BYTES));
    }
}

static void test_what_comes_in_by_one_door_is_had_by_the_other(void **state)
{
    struct doors *d = *state;
    static uint8_t bytes[300001];
    static uint8_t back[sizeof(bytes) + 1];
    struct wire w;
    char url[128];
    size_t len;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern_at(i);
    }
    wire_open(&w, "127.0.0.1", &d->server.tcp);
    assert_int_equal(put_tcp(&w, "by-tcp", bytes, sizeof(bytes)), STATUS_OK);
    tftp_url(d, "by-tcp", url);
    await(start_wherry("get", url, d->local));
    assert_int_equal(read_local(d, back, sizeof(back)), sizeof(bytes));
    assert_memory_equal(back, bytes, sizeof(bytes));

    tftp_url(d, "by-tftp", url);
    await(start_wherry("put", d->local, url));
    assert_int_equal(wire_fetch(&w, "by-tftp", 0, &len), STATUS_OK);
    assert_int_equal(len, sizeof(bytes));
    wire_close(&w);
}

/* What a GET of the name brings, into bytes; its length. */
static size_t get_tcp(struct wire *w, const char *name, uint8_t *bytes, size_t cap)
{
    uint32_t id = wire_get(w, name, 0, WHERRY_COUNT_ALL);
    size_t len = 0;

    for (;;) {
        assert_true(wire_next(w));
        if (w->type == WHERRY_FRAME_DATA) {
            assert_true(w->length <= sizeof(w->payload) && len + w->length <= cap);
            memcpy(bytes + len, w->payload, w->length);
            len += w->length;
        } else if (w->type == WHERRY_FRAME_END_REPLY && w->frame_id == id) {
            assert_int_equal(w->status, STATUS_OK);
            return len;
        }
    }
}

static void test_both_doors_write_one_name_and_no_version_is_mixed(void **state)
{
    struct doors *d = *state;
    static uint8_t bytes[VERSION_BYTES + 2 * ROUNDS];
    static uint8_t back[sizeof(bytes) + 1];
    struct wire writer;
    struct wire reader;
    char url[128];

    wire_open(&writer, "127.0.0.1", &d->server.tcp);
    wire_open(&reader, "127.0.0.1", &d->server.tcp);
    tftp_url(d, "both", url);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t by_tftp = VERSION_BYTES + 2 * i;
        size_t by_tcp = by_tftp + 1;
        pid_t pid;

        memset(bytes, (int)(2 * i), by_tftp);
        write_local(d, bytes, by_tftp);
        pid = start_wherry("put", d->local, url);
        memset(bytes, (int)(2 * i + 1), by_tcp);
        assert_int_equal(put_tcp(&writer, "both", bytes, by_tcp), STATUS_OK);
        expect_one_version(back, get_tcp(&reader, "both", back, sizeof(back)));
        await(pid);
        expect_one_version(back, get_tcp(&reader, "both", back, sizeof(back)));
        if (i % 10 == 0) {
            await(start_wherry("get", url, d->local));
            expect_one_version(back, read_local(d, back, sizeof(back)));
        }
    }
    wire_close(&writer);
    wire_close(&reader);
}

static int setup(void **state)
{
    struct doors *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        return -1;
    }
    server_process_start(&d->server, words);
    (void)snprintf(d->local, sizeof(d->local), "%s-local", d->server.root);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct doors *d = *state;

    server_process_stop(&d->server);
    (void)unlink(d->local);
    free(d);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_comes_in_by_one_door_is_had_by_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_both_doors_write_one_name_and_no_version_is_mixed,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
