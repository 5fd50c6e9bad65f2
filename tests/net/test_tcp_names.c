/* SPDX-License-Identifier: BSD-2-Clause */
/* Names, and a disk that is full, at the file protocol's door of a running wherryd. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/pattern.h"
#include "support/scratch.h"

enum {
    STATUS_OK = 0,
    STATUS_NOT_FOUND = 2,
    STATUS_DENIED = 3,
    STATUS_EXISTS = 5,
    STATUS_NO_SPACE = 6,
    STATUS_NAME = 7,
    STATUS_IS_DIR = 18
};

#define DISK_BYTES (4u << 20)
#define PIECE_BYTES 65536u

static const char *const words[] = {SERVER_PROCESS_TCP, "--write", "replace", NULL};

static unsigned get_status(struct wire *w, const char *name)
{
    return wire_status(w, wire_get(w, name, 0, WHERRY_COUNT_ALL));
}

/* A whole upload of len bytes of the pattern from byte `from` on; its status. */
static unsigned put_whole(struct wire *w, const char *name, size_t from, size_t len)
{
    uint8_t bytes[5000];
    uint32_t id = wire_put(w, name, len, WHERRY_PUT_REPLACE, NULL);

    assert_true(len <= sizeof(bytes));
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at(from + i);
    }
    do {
        assert_true(wire_next(w));
        if (w->type == WHERRY_FRAME_END_REPLY && w->frame_id == id) {
            return w->status;
        }
    } while (w->type != WHERRY_FRAME_READY);
    wire_data(w, bytes, len);
    wire_end(w);
    return wire_status(w, id);
}

static void test_names_that_cannot_be_have_their_status(void **state)
{
    struct server_process s;
    struct wire w;
    char path[128];
    char name[1026];

    (void)state;
    server_process_start(&s, words);
    (void)snprintf(path, sizeof(path), "%s/dir", s.root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(name, sizeof(name), "%s/fifo", s.root);
    assert_int_equal(mkfifo(name, 0644), 0);
    server_process_file(&s, "file", 100);
    wire_open(&w, "127.0.0.1", &s.tcp);
    assert_int_equal(get_status(&w, "dir"), STATUS_IS_DIR);
    assert_int_equal(put_whole(&w, "dir", 0, 10), STATUS_IS_DIR);
    assert_int_equal(get_status(&w, "fifo"), STATUS_DENIED);
    assert_int_equal(put_whole(&w, "fifo", 0, 10), STATUS_DENIED);
    assert_int_equal(get_status(&w, "missing"), STATUS_NOT_FOUND);
    assert_int_equal(put_whole(&w, "missing/file", 0, 10), STATUS_NOT_FOUND);
    assert_int_equal(wire_status(&w, wire_list(&w, "file", "")), STATUS_NOT_FOUND);
    assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_MKDIR, "dir")), STATUS_EXISTS);
    for (size_t i = 0; i < 1025; i++) {
        name[i] = i % 200 == 199 ? '/' : 'n';
    }
    name[1025] = '\0';
    {
        static const char *const never[] = {"..",      "dir/..",    "../etc/passwd",
                                            "dir/./x", "dir//x",    "/file",
                                            "file/",   ".wherry-x", "dir/.wherry-u0"};

        for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
            assert_int_equal(get_status(&w, never[i]), STATUS_NAME);
            assert_int_equal(put_whole(&w, never[i], 0, 10), STATUS_NAME);
        }
    }
    assert_int_equal(get_status(&w, name + 1), STATUS_NOT_FOUND); /* 1,024 bytes */
    wire_close(&w);
    /* 1,025 bytes do not fit a builder of ours: by hand. */
    {
        uint8_t frame[WHERRY_FRAME_HEADER_BYTES + 2 + 1025] = {
            0, 0, 1027 >> 8, 1027 & 0xff, WHERRY_FRAME_STAT, 0,          0, 0,
            0, 0, 0,         77,          1025 >> 8,         1025 & 0xff};

        memcpy(frame + WHERRY_FRAME_HEADER_BYTES + 2, name, 1025);
        wire_open(&w, "127.0.0.1", &s.tcp);
        wire_send(&w, frame, sizeof(frame));
        assert_int_equal(wire_status(&w, 77), STATUS_NAME);
        wire_close(&w);
    }
    assert_int_equal(rmdir(path), 0);
    server_process_stop(&s);
}

static const char *const odd_names[] = {
    "back\\slash",
    "a\\..\\b",
    "new\nline",
    "\xff\xfe not UTF-8",
    "...",
    "..a",
    " space ",
    "tab\there",
    "*?[x]",
    "-rf",
    "semi;colon%41",
    "\x01\x7f",
    "\xc3\xa4\xe2\x82\xac",
    "a.wherry-b",
    "~",
};
#define ODD_NAMES (sizeof(odd_names) / sizeof(odd_names[0]))

static void test_odd_but_legal_names_round_trip(void **state)
{
    struct server_process s;
    struct wire w;
    size_t len;
    size_t at = 0;
    char longest[256];
    char path[512];

    (void)state;
    memset(longest, 'l', 255);
    longest[255] = '\0';
    server_process_start(&s, words);
    wire_open(&w, "127.0.0.1", &s.tcp);
    for (size_t i = 0; i <= ODD_NAMES; i++) {
        const char *name = i < ODD_NAMES ? odd_names[i] : longest;

        assert_int_equal(put_whole(&w, name, i, 100 + i), STATUS_OK);
        assert_int_equal(wire_fetch(&w, name, i, &len), STATUS_OK);
        assert_int_equal(len, 100 + i);
        (void)snprintf(path, sizeof(path), "%s/%s", s.root, name);
        assert_int_equal(access(path, F_OK), 0); /* just that name, nothing folded */
    }
    /* Each is in the listing once, behind the one before it. */
    (void)wire_list(&w, "", "");
    wire_expect(&w, WHERRY_FRAME_ENTRIES);
    {
        struct wherry_view rest = {.bytes = w.payload, .len = w.length};
        struct wherry_message_entry e;
        uint8_t before[256];
        size_t before_len = 0;

        assert_true(w.length <= sizeof(w.payload));
        while (rest.len > 0) {
            size_t shorter;
            int order;

            assert_int_equal(wherry_message_next_entry(&rest, &e), RES_OK);
            shorter = e.name.len < before_len ? e.name.len : before_len;
            order = memcmp(before, e.name.bytes, shorter);
            assert_true(order < 0 || (order == 0 && before_len < e.name.len));
            memcpy(before, e.name.bytes, e.name.len);
            before_len = e.name.len;
            at++;
        }
    }
    assert_int_equal(at, ODD_NAMES + 1);
    wire_close(&w);
    server_process_stop(&s);
}

static size_t count_entries(const char *path)
{
    DIR *d = opendir(path);
    size_t count = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        count++;
    }
    closedir(d);
    return count - 2;
}

static void test_a_full_disk_is_no_space_and_nothing_is_left(void **state)
{
    static const uint8_t piece[PIECE_BYTES] = {1};
    static const uint8_t new_id[WHERRY_UPLOAD_ID_BYTES] = {0};
    struct server_process s = {.pid = 0};
    struct wire w;
    uint32_t id;
    size_t len;
    char options[32];

    (void)state;
    if (!scratch_private_mounts()) {
        scratch_skip("mounts are not permitted here");
    }
    strcpy(s.root, "/tmp/wherry-test-XXXXXX");
    assert_non_null(mkdtemp(s.root));
    (void)snprintf(options, sizeof(options), "size=%u", DISK_BYTES);
    assert_int_equal(mount("tmpfs", s.root, "tmpfs", 0, options), 0);
    server_process_launch(&s, words);
    server_process_file(&s, "old", 1000);
    wire_open(&w, "127.0.0.1", &s.tcp);
    /* announced: refused before READY */
    id = wire_put(&w, "large", DISK_BYTES + 1, WHERRY_PUT_REPLACE, NULL);
    assert_int_equal(wire_status(&w, id), STATUS_NO_SPACE);
    /* not announced, and once with an id: ended early, what still comes is dropped */
    for (int i = 0; i < 2; i++) {
        id = wire_put(&w, "old", WHERRY_SIZE_UNKNOWN, WHERRY_PUT_REPLACE, i == 0 ? NULL : new_id);
        (void)wire_ready(&w);
        for (size_t sent = 0; sent < 2 * (size_t)DISK_BYTES; sent += PIECE_BYTES) {
            wire_data(&w, piece, sizeof(piece));
        }
        wire_end(&w);
        assert_int_equal(wire_status(&w, id), STATUS_NO_SPACE);
        server_process_await_no_leftovers(&s); /* the answer does not wait for what goes */
        assert_int_equal(count_entries(s.root), 1);
    }
    assert_int_equal(wire_fetch(&w, "old", 0, &len), STATUS_OK);
    assert_int_equal(len, 1000);
    /* and room again for what fits */
    assert_int_equal(put_whole(&w, "small", 3, 5000), STATUS_OK);
    wire_close(&w);
    server_process_kill(&s);
    assert_int_equal(umount(s.root), 0);
    assert_int_equal(rmdir(s.root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_cannot_be_have_their_status),
        cmocka_unit_test(test_odd_but_legal_names_round_trip),
        cmocka_unit_test(test_a_full_disk_is_no_space_and_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
