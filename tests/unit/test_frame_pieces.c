/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/frame.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/decode_exact.h"

#define MAX_FRAME 0x00020000u /* 128 KiB */

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define CLIENT_HELLO "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
#define SERVER_HELLO "\0\0\0\15\x81\0\0\0\0\0\0\0WHRY\1\0\2\0\0\0\0\0\0"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t callocs;        /* so far */
static size_t largest;        /* bytes asked for in one */
static size_t failing_calloc; /* its number, from 1; 0: none fails */

void *__wrap_calloc(size_t count, size_t size)
{
    callocs++;
    if (count * size > largest) {
        largest = count * size;
    }
    return callocs == failing_calloc ? NULL : __real_calloc(count, size);
}

static int forget_callocs(void **state)
{
    (void)state;
    callocs = 0;
    largest = 0;
    failing_calloc = 0;
    return 0;
}

/* An announced length alone moves nobody to get memory; what came may be doubled. */
static void test_memory_follows_what_came(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, WHERRY_MAX_FRAME_HIGHEST, false);
    (void)decode_exact(&d, BYTES("\0\xff\xff\xff\x82\0\0\0\0\0\0\1"), &got);
    assert_int_equal(callocs, 0);
    for (size_t came = 1; came <= 3000; came++) {
        (void)decode_exact(&d, BYTES("x"), &got);
        assert_int_equal(got.kind, WHERRY_DECODED_MORE);
        assert_true(largest <= 2 * came || largest <= 64);
    }
    assert_true(callocs < 10); /* 64, 128, ... 4096: not one for each byte */
    wherry_frame_decoder_clear(&d);
}

static void test_memory_ends_with_the_frame(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    uint8_t input[12 + 1000] = {0, 0, 0x03, 0xe8, 0x82, 0, 0, 0, 0, 0, 0, 1};

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
    (void)decode_exact(&d, input, sizeof(input), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_int_equal(largest, 1000);
    (void)decode_exact(&d, input, 1, &got); /* the payload is given back */
    assert_null(d.buffer);
    wherry_frame_decoder_clear(&d);
}

static void test_data_needs_no_memory(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    uint8_t input[12 + 1000] = {0, 0, 0x03, 0xe8, 0x06, 0, 0, 0, 0, 0, 0, 1};

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, false);
    (void)decode_exact(&d, input, 500, &got);
    (void)decode_exact(&d, input + 500, sizeof(input) - 500, &got);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    assert_true(got.last);
    assert_int_equal(callocs, 0);
    wherry_frame_decoder_clear(&d);
}

static void test_small_buffer_is_used_again(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, false);
    for (int i = 0; i < 100; i++) {
        (void)decode_exact(&d, BYTES("\0\0\0\3\3\0\0\0\0\0\0\7\0\1a"), &got);
        assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    }
    assert_int_equal(callocs, 1);
    wherry_frame_decoder_clear(&d);
}

static void test_no_memory_is_bad_and_says_so(void **state)
{
    uint8_t input[12 + 300] = {0, 0, 1, 0x2c, 0x82, 0, 0, 0, 0, 0, 0, 1};
    const size_t pieces[] = {40, 100, 160}; /* bytes of payload, each needs more room */

    (void)state;
    for (size_t failing = 1; failing <= 4; failing++) {
        struct wherry_frame_decoder d;
        struct wherry_decoded got;
        size_t at = 12;

        (void)forget_callocs(NULL);
        failing_calloc = failing;
        wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
        (void)decode_exact(&d, input, 12, &got);
        for (size_t i = 0; i < 3 && got.kind == WHERRY_DECODED_MORE; i++) {
            (void)decode_exact(&d, input + at, pieces[i], &got);
            at += pieces[i];
        }
        if (failing == 4) { /* there is no fourth */
            assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
            assert_int_equal(got.bytes.len, 300);
        } else {
            assert_int_equal(got.kind, WHERRY_DECODED_BAD);
            assert_int_equal(got.result, RES_NO_MEMORY);
            assert_int_equal(callocs, failing);
            (void)decode_exact(&d, input, 12, &got);
            assert_int_equal(got.result, RES_NO_MEMORY);
        }
        wherry_frame_decoder_clear(&d);
    }
}

/* A session as a client sends it, ended by what no rule allows. */
static const char client_stream[] =
    CLIENT_HELLO "\0\0\0\4\2\0\0\0\0\0\0\1\0\0\0\0"                   /* LIST of the root */
                 "\0\0\0\3\x09\0\0\0\0\0\0\0abc"                      /* PING */
                 "\0\0\0\16\5\0\0\0\0\0\0\2\0\0\0\0\0\0\0\5\1\0\3a/b" /* PUT, 5 bytes */
                 "\0\0\0\4\6\0\0\0\0\0\0\2abcd"                       /* DATA */
                 "\0\0\0\0\6\0\0\0\0\0\0\2"                           /* DATA of nothing */
                 "\0\0\0\1\6\0\0\0\0\0\0\2e"
                 "\0\0\0\0\7\0\0\0\0\0\0\2"        /* END */
                 "\0\0\0\5\3\0\0\0\0\0\0\3\0\3a/b" /* STAT */
                 "\0\0\0\0\x08\0\0\0\0\0\0\3"      /* CANCEL */
                 "\0\0\0\0\x83\0\0\0\0\0\0\4";     /* INFO is a server's */

static const char server_stream[] =
    SERVER_HELLO "\0\0\0\0\x09\0\0\0\0\0\0\0" /* PING */
                 "\0\0\0\24\x82\0\0\0\0\0\0\1\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\1f"
                 "\0\0\0\2\x87\0\0\0\0\0\0\1\0\0"
                 "\0\0\0\3\6\0\0\0\0\0\0\2abc"
                 "\0\0\0\4\x87\0\0\x0c\0\0\0\2\0\2no"
                 "\0\0\0\6\x8f\0\0\x11\0\0\0\0\0\0\0\0\0\5" /* GOAWAY */
                 "\0\0\0\2\x87\0\0\1\0\0\0\0\0\0";          /* END id 0 */

/* What was answered, as text: frames with their payloads; pieces of DATA joined; MORE left out. */
struct record {
    uint8_t bytes[1024];
    size_t len;
};

static void note(struct record *r, const void *bytes, size_t len)
{
    assert_true(len <= sizeof(r->bytes) - r->len);
    if (len > 0) {
        memcpy(r->bytes + r->len, bytes, len);
    }
    r->len += len;
}

static void note_answer(struct record *r, const struct wherry_decoded *got)
{
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];

    if (got->kind == WHERRY_DECODED_MORE) {
        return;
    }
    if (got->kind == WHERRY_DECODED_BAD) {
        note(r, got->why, strlen(got->why));
        return;
    }
    if (got->kind == WHERRY_DECODED_WHOLE || got->first) {
        wherry_frame_write(header, &got->frame);
        note(r, header, sizeof(header));
    }
    note(r, got->bytes.bytes, got->bytes.len);
    if (got->kind == WHERRY_DECODED_WHOLE || got->last) {
        note(r, "|", 1);
    }
}

static bool feed_all(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                     struct record *r)
{
    struct wherry_decoded got;

    do {
        size_t used = decode_exact(d, bytes, len, &got);

        bytes += used;
        len -= used;
        note_answer(r, &got);
    } while (got.kind != WHERRY_DECODED_BAD && (len > 0 || got.kind != WHERRY_DECODED_MORE));
    return got.kind != WHERRY_DECODED_BAD;
}

/* The frames of a stream one behind the other, without the decoder. */
static void record_by_hand(struct record *r, const char *stream, size_t len, const char *why)
{
    size_t at = 0;

    r->len = 0;
    while (at < len) {
        size_t frame_len = 12 + (size_t)(uint8_t)stream[at + 3];

        if (why[0] != '\0' && at + frame_len == len) { /* the last one is bad */
            note(r, why, strlen(why));
        } else {
            note(r, stream + at, frame_len);
            note(r, "|", 1);
        }
        at += frame_len;
    }
    assert_int_equal(at, len);
}

/* Cut into three pieces at a and b. */
static void expect_same(enum wherry_frame_sender sender, const char *stream, size_t len, size_t a,
                        size_t b, const struct record *expected)
{
    const uint8_t *bytes = (const uint8_t *)stream;
    struct wherry_frame_decoder d;
    struct record r = {.len = 0};

    wherry_frame_decoder_init(&d, sender, MAX_FRAME, true);
    if (feed_all(&d, bytes, a, &r) && feed_all(&d, bytes + a, b - a, &r)) {
        (void)feed_all(&d, bytes + b, len - b, &r);
    }
    wherry_frame_decoder_clear(&d);
    assert_int_equal(r.len, expected->len);
    assert_memory_equal(r.bytes, expected->bytes, r.len);
}

static void expect_same_in_every_split(enum wherry_frame_sender sender, const char *stream,
                                       size_t len, const char *why)
{
    struct wherry_frame_decoder d;
    struct record expected;
    struct record r = {.len = 0};
    bool going = true;

    record_by_hand(&expected, stream, len, why);
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            expect_same(sender, stream, len, a, b, &expected);
        }
    }
    wherry_frame_decoder_init(&d, sender, MAX_FRAME, true);
    for (size_t i = 0; i < len && going; i++) {
        going = feed_all(&d, (const uint8_t *)stream + i, 1, &r);
    }
    wherry_frame_decoder_clear(&d);
    assert_int_equal(r.len, expected.len);
    assert_memory_equal(r.bytes, expected.bytes, r.len);
}

static void test_client_s_stream_means_the_same_however_it_is_cut(void **state)
{
    (void)state;
    expect_same_in_every_split(WHERRY_FROM_CLIENT, client_stream, sizeof(client_stream) - 1,
                               "a type of frame that only a server sends");
}

static void test_server_s_stream_means_the_same_however_it_is_cut(void **state)
{
    (void)state;
    expect_same_in_every_split(WHERRY_FROM_SERVER, server_stream, sizeof(server_stream) - 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_memory_follows_what_came, forget_callocs),
        cmocka_unit_test_setup(test_memory_ends_with_the_frame, forget_callocs),
        cmocka_unit_test_setup(test_data_needs_no_memory, forget_callocs),
        cmocka_unit_test_setup(test_small_buffer_is_used_again, forget_callocs),
        cmocka_unit_test_setup(test_no_memory_is_bad_and_says_so, forget_callocs),
        cmocka_unit_test_setup(test_client_s_stream_means_the_same_however_it_is_cut,
                               forget_callocs),
        cmocka_unit_test_setup(test_server_s_stream_means_the_same_however_it_is_cut,
                               forget_callocs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
