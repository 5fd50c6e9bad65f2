/* SPDX-License-Identifier: BSD-2-Clause */
/* However TCP cuts or joins a stream, the server does and says the same: one session, given in one
 * piece, in two pieces cut at each byte, and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

#define SESSION(...)                                                                               \
    {                                                                                              \
        (const uint8_t *)__VA_ARGS__, sizeof(__VA_ARGS__) - 1                                      \
    }

struct session {
    struct wherry_view bytes;
    const char *events;
    const char *sent;
};

/* HELLO; LIST; GET; PUT of three DATA frames, one of them empty, a PING among them; a HASH that is
 * cancelled while it runs; three at once, the last of them not allowed; a PUT that is cancelled. */
static const struct session orderly = {
    SESSION("\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
            "\0\0\0\7\2\0\0\0\0\0\0\1\0\3dir\0\0"
            "\0\0\0\23\4\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\1b"
            "\0\0\0\14\5\0\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\2\0\1c"
            "\0\0\0\3\6\0\0\0\0\0\0\3abc"
            "\0\0\0\4\11\0\0\0\0\0\0\0PING"
            "\0\0\0\0\6\0\0\0\0\0\0\3"
            "\0\0\0\2\6\0\0\0\0\0\0\3de"
            "\0\0\0\0\7\0\0\0\0\0\0\3"
            "\0\0\0\3\12\0\0\0\0\0\0\4\0\1d"
            "\0\0\0\3\3\0\0\0\0\0\0\5\0\1e"
            "\0\0\0\3\13\0\0\0\0\0\0\6\0\1f"
            "\0\0\0\4\3\0\0\0\0\0\0\7\0\2.."
            "\0\0\0\0\10\0\0\0\0\0\0\4"
            "\0\0\0\14\5\0\0\0\0\0\0\10\0\0\0\0\0\0\0\5\1\0\1g"
            "\0\0\0\2\6\0\0\0\0\0\0\10hi"
            "\0\0\0\0\10\0\0\0\0\0\0\10"
            "\0\0\0\0\10\0\0\0\0\0\0\10"
            "\0\0\0\3\3\0\0\0\0\0\0\11\0\1i"),
    "REQUEST 1 LIST dir\nREQUEST 2 GET b\nREQUEST 3 PUT c\nPUT_BYTES 3 @0 abcde\nPUT_END 3 @5\n"
    "REQUEST 4 HASH d\nSTOP 4 CANCELLED\nREQUEST 5 STAT e\nREQUEST 6 MKDIR f\nREQUEST 8 PUT g\n"
    "PUT_BYTES 8 @0 hi\nSTOP 8 CANCELLED\nREQUEST 9 STAT i\n",
    "HELLO 0\nENTRIES 1\nEND 1 OK\nGET_REPLY 2\nDATA 2 4\nDATA 2 5\nEND 2 OK\nREADY 3\n"
    "PING_REPLY PING\nEND 3 OK\nEND 4 CANCELLED\nINFO 5\nEND 5 OK\nEND 6 EXISTS\nEND 7 NAME\n"
    "READY 8\nEND 8 CANCELLED\nINFO 9\nEND 9 OK\n",
};

/* A request, half an upload, a frame that no rule allows, and rubbish. */
static const struct session bad = {
    SESSION("\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
            "\0\0\0\3\3\0\0\0\0\0\0\1\0\1a"
            "\0\0\0\14\5\0\0\0\0\0\0\2\0\0\0\0\0\0\0\5\1\0\1b"
            "\0\0\0\3\6\0\0\0\0\0\0\2abc"
            "\0\0\0\0\x83\0\0\0\0\0\0\0"
            "\0\0\0\3\3\0\0\0\0\0\0\3\0\1crubbish"),
    "REQUEST 1 STAT a\nREQUEST 2 PUT b\nPUT_BYTES 2 @0 abc\nABORT 2 PROTOCOL\nSHUT\n",
    "HELLO 0\nINFO 1\nEND 1 OK\nREADY 2\nEND 0 PROTOCOL\n",
};

static const struct session *const sessions[] = {&orderly, &bad};
#define SESSIONS (sizeof(sessions) / sizeof(sessions[0]))

static struct exchange_story *open_story(void)
{
    void *state = NULL;
    struct exchange_story *f;

    assert_int_equal(exchange_story_setup(&state), 0);
    f = state;
    f->answers = true;
    begin(f);
    return f;
}

static void close_story(struct exchange_story *f, const struct session *s)
{
    void *state = f;

    expect_events(f, s->events);
    expect_sent(f, s->sent);
    (void)exchange_story_teardown(&state);
}

/* In a block of its own size, so that a read past the end of a piece is caught. */
static void give_piece(struct exchange_story *f, const uint8_t *bytes, size_t len)
{
    uint8_t *piece = malloc(len > 0 ? len : 1);

    assert_non_null(piece);
    memcpy(piece, bytes, len);
    assert_int_equal(give(f, piece, len), len);
    free(piece);
}

static void test_a_session_in_one_piece(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct exchange_story *f = open_story();

        give_piece(f, sessions[i]->bytes.bytes, sessions[i]->bytes.len);
        close_story(f, sessions[i]);
    }
}

static void test_a_session_cut_anywhere_goes_the_same_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct wherry_view all = sessions[i]->bytes;

        for (size_t cut = 0; cut <= all.len; cut++) {
            struct exchange_story *f = open_story();

            give_piece(f, all.bytes, cut);
            give_piece(f, all.bytes + cut, all.len - cut);
            close_story(f, sessions[i]);
        }
    }
}

static void test_a_session_byte_by_byte_goes_the_same_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct exchange_story *f = open_story();

        for (size_t at = 0; at < sessions[i]->bytes.len; at++) {
            give_piece(f, sessions[i]->bytes.bytes + at, 1);
        }
        close_story(f, sessions[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_in_one_piece),
        cmocka_unit_test(test_a_session_cut_anywhere_goes_the_same_way),
        cmocka_unit_test(test_a_session_byte_by_byte_goes_the_same_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
