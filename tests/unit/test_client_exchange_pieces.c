/* SPDX-License-Identifier: BSD-2-Clause */
/* A recorded stream of a server says the same however TCP cut it: each single cut, pairs of
 * them, and one byte at a time. */
#include <wherry/client_exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_exchange_story.h"

#define GET_REPLY                                                                                  \
    FRAME("\0\61", "\x84", "\0", "\3")                                                             \
    "\1" U64("\12") U64("\1") SIXTEEN("v") U64("\2") U64("\10")

static const char stream[] =
    /* HELLO, a PING, STAT */
    HELLO FRAME("\0\2", "\11", "\0", "\0") "hi" FRAME("\0\41", "\x83", "\0", "\1") "\2" U64("\7")
        U64("\11") SIXTEEN("i") END(OK, "\1")
    /* LIST in two frames */
    FRAME("\0\51", "\x82", "\0", "\2") "\1" U64("\5")
        U64("\6") "\0\1a"
                  "\2" U64("\7")
                      U64("\10") "\0\2bb" FRAME("\0\24", "\x82", "\0", "\2") "\1" U64("\1")
                          U64("\2") "\0\1c" END(OK, "\2")
    /* GET with a PING between its DATA, of which one is empty */
    GET_REPLY FRAME("\0\5", "\6", "\0", "\3") "cdefg" FRAME("\0\0", "\11", "\0", "\0")
        FRAME("\0\0", "\6", "\0", "\3") FRAME("\0\3", "\6", "\0", "\3") "hij" END(OK, "\3")
    /* HASH, MKDIR, a PUT that is refused early, GOAWAY, refusal */
    FRAME("\0\60", "\x8a", "\0", "\4") SIXTEEN("v") SIXTEEN("s") SIXTEEN("t") END(OK, "\4")
        FRAME("\0\7", "\x87", "\5", "\5") "\0\5there" FRAME("\0\30", "\x85", "\0", "\6") U64("\0")
            SIXTEEN("u") END(NO_SPACE, "\6")
                FRAME("\0\11", "\x8f", SHUTDOWN, "\0") "\0\3bye"
                                                       "\0\0\0\1" FRAME("\0\5", "\x87", PROTOCOL,
                                                                        "\0") "\0\3why";

static const char said[] = STORY_HELLO "INFO 1 2 7 9 69\n"
                                       "END 1 OK \"\"\n"
                                       "ENTRY 2 1 5 6 a\n"
                                       "ENTRY 2 2 7 8 bb\n"
                                       "ENTRY 2 1 1 2 c\n"
                                       "END 2 OK \"\"\n"
                                       "GET 3 10 2 8 76\n"
                                       "BYTES 3 @2 cdefghij\n"
                                       "END 3 OK \"\"\n"
                                       "HASH 4 76 73\n"
                                       "END 4 OK \"\"\n"
                                       "END 5 EXISTS \"there\"\n"
                                       "READY 6 0 75\n"
                                       "END 6 NO_SPACE \"\"\n"
                                       "GOAWAY SHUTDOWN \"bye\" 1\n"
                                       "REFUSED PROTOCOL \"why\"\n"
                                       "CLOSED PROTOCOL\n";

static void ask(struct client_exchange_story *f)
{
    begin(f);
    (void)ask_stat(f, VIEW("a"));
    (void)ask_list(f, VIEW("b"), VIEW(""));
    (void)ask_get(f, VIEW("c"), 2, WHERRY_COUNT_ALL);
    (void)ask_hash(f, VIEW("d"));
    (void)ask_mkdir(f, VIEW("e"));
    (void)ask_put(f, VIEW("f"), 3);
    flush(f);
}

static void expect_all(struct client_exchange_story *f)
{
    expect(f, said);
    wherry_client_exchange_free(f->x);
    f->x = NULL;
}

static void test_stream_in_one_piece_says_this(void **state)
{
    struct client_exchange_story *f = *state;

    ask(f);
    give(f, BYTES(stream));
    expect_all(f);
}

static void test_stream_says_the_same_with_each_cut_and_with_two(void **state)
{
    struct client_exchange_story *f = *state;
    const uint8_t *bytes = (const uint8_t *)stream;
    size_t len = sizeof(stream) - 1;

    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second += second < first + 40 ? 1 : 17) {
            ask(f);
            give(f, bytes, first);
            give(f, bytes + first, second - first);
            give(f, bytes + second, len - second);
            expect_all(f);
        }
    }
}

static void test_stream_says_the_same_byte_by_byte(void **state)
{
    struct client_exchange_story *f = *state;

    ask(f);
    for (size_t i = 0; i < sizeof(stream) - 1; i++) {
        give(f, (const uint8_t *)stream + i, 1);
    }
    expect_all(f);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, client_exchange_story_setup,                             \
                                    client_exchange_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stream_in_one_piece_says_this),
        TEST(test_stream_says_the_same_with_each_cut_and_with_two),
        TEST(test_stream_says_the_same_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
