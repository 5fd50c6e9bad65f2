/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/sender_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"

static const uint8_t oack[] = "\0\6windowsize\0"
                              "4";

int sender_story_setup(void **state)
{
    struct sender_story *f = malloc(sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    *f = (struct sender_story){.params = {.agreed = {.blksize = 512, .windowsize = 1},
                                          .length = 1400,
                                          .patience_ns = 60 * SECOND}};
    *state = f;
    return 0;
}

int sender_story_teardown(void **state)
{
    struct sender_story *f = *state;

    wherry_sender_free(f->sender);
    free(f);
    return 0;
}

void begin(struct sender_story *f)
{
    assert_int_equal(wherry_sender_new(&f->sender, &f->params), RES_OK);
}

void begin_window(struct sender_story *f, uint16_t windowsize, uint64_t length)
{
    f->params.opening = oack;
    f->params.opening_len = sizeof(oack);
    f->params.agreed.windowsize = windowsize;
    f->params.length = length;
    begin(f);
}

void expect_data(struct sender_story *f, uint64_t block, uint64_t now_ns)
{
    expect_window(f, block, block, now_ns);
}

static void expect_burst(struct sender_story *f, const struct wherry_burst *b, uint64_t next)
{
    uint16_t blksize = f->params.agreed.blksize;
    uint64_t last_at = (next + b->count - 2) * blksize;
    uint64_t last_len = blksize;

    if (f->params.length != WHERRY_LENGTH_UNKNOWN && f->params.length - last_at < blksize) {
        last_len = f->params.length - last_at;
    }
    assert_int_equal(b->first, next);
    assert_int_equal(b->offset, (next - 1) * blksize);
    assert_int_equal(b->blksize, blksize);
    assert_int_equal(b->last_len, last_len);
    assert_true(b->kept <= b->offset);
    for (uint32_t i = 0; i < b->count; i++) {
        uint16_t wire = packets_wire(next + i, f->params.agreed.rollover);
        uint8_t header[WHERRY_HEADER_BYTES];

        wherry_burst_header(b, i, header);
        assert_int_equal(header[0], 0);
        assert_int_equal(header[1], WHERRY_DATA);
        assert_int_equal(header[2] << 8 | header[3], wire);
    }
}

void expect_window(struct sender_story *f, uint64_t first, uint64_t last, uint64_t now_ns)
{
    uint8_t buf[512];
    struct wherry_burst b;
    uint64_t next = first;

    assert_int_equal(wherry_sender_control(f->sender, buf, sizeof(buf), now_ns), 0);
    while (wherry_sender_burst(f->sender, UINT32_MAX, &b)) {
        assert_in_range(b.count, 1, last + 1 - next);
        expect_burst(f, &b, next);
        wherry_sender_sent(f->sender, b.count, now_ns);
        next += b.count;
    }
    assert_int_equal(next, last + 1);
}

void expect_silence(struct sender_story *f, uint64_t now_ns)
{
    uint8_t buf[512];
    struct wherry_burst b;

    assert_false(wherry_sender_burst(f->sender, UINT32_MAX, &b));
    assert_int_equal(wherry_sender_control(f->sender, buf, sizeof(buf), now_ns), 0);
}

void expect_opening(struct sender_story *f, uint64_t now_ns)
{
    uint8_t buf[512];

    assert_int_equal(wherry_sender_control(f->sender, buf, sizeof(buf), now_ns),
                     f->params.opening_len);
    assert_memory_equal(buf, f->params.opening, f->params.opening_len);
    expect_silence(f, now_ns);
}

void expect_error(struct sender_story *f, uint16_t code, const char *text, uint64_t now_ns)
{
    uint8_t buf[512];
    size_t len = wherry_sender_control(f->sender, buf, sizeof(buf), now_ns);

    assert_int_equal(len, 4 + strlen(text) + 1);
    assert_memory_equal(buf, "\0\5", 2);
    assert_int_equal(buf[2] << 8 | buf[3], code);
    assert_string_equal((const char *)buf + 4, text);
    expect_silence(f, now_ns);
}

void expect_state(struct sender_story *f, enum wherry_sender_state state, enum res result)
{
    assert_int_equal(wherry_sender_state(f->sender), state);
    assert_int_equal(wherry_sender_result(f->sender), result);
    assert_int_equal(wherry_sender_over(f->sender),
                     state == WHERRY_SENDER_DONE || state == WHERRY_SENDER_FAILED);
    if (wherry_sender_over(f->sender)) {
        assert_true(wherry_sender_deadline(f->sender) == WHERRY_NEVER);
    }
}

void give_ack(struct sender_story *f, uint64_t block, uint64_t now_ns)
{
    struct wherry_packet p = packets_ack(packets_wire(block, f->params.agreed.rollover));

    wherry_sender_input(f->sender, &p, now_ns);
}

void give_error(struct sender_story *f, uint16_t code, uint64_t now_ns)
{
    struct wherry_packet p = packets_error(code, "No error, file close");

    wherry_sender_input(f->sender, &p, now_ns);
}

uint64_t run_out(struct sender_story *f)
{
    uint64_t at_ns = wherry_sender_deadline(f->sender);

    assert_true(at_ns != WHERRY_NEVER);
    wherry_sender_expire(f->sender, at_ns);
    return at_ns;
}

uint64_t follow_window(struct sender_story *f, uint64_t first, uint64_t last, uint64_t now_ns,
                       unsigned *moments)
{
    uint64_t next = first;

    *moments = 0;
    for (;;) {
        struct wherry_burst b;
        bool some = false;

        while (wherry_sender_burst(f->sender, UINT32_MAX, &b)) {
            assert_int_equal(b.first, next);
            assert_in_range(b.count, 1, last + 1 - next);
            wherry_sender_sent(f->sender, b.count, now_ns);
            next += b.count;
            some = true;
        }
        *moments += some ? 1 : 0;
        if (next > last) {
            return now_ns;
        }
        assert_true(wherry_sender_deadline(f->sender) > now_ns);
        now_ns = run_out(f);
    }
}
