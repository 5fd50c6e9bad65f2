/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/receiver_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"

#define BYTES_MAX 2048

static const uint8_t oack[] = "\0\6blksize\0"
                              "512";

int receiver_story_setup(void **state)
{
    struct receiver_story *f = malloc(sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    *f = (struct receiver_story){.params = {.opening = oack,
                                            .opening_len = sizeof(oack),
                                            .agreed = {.blksize = 512, .windowsize = 1},
                                            .patience_ns = 60 * SECOND},
                                 .length = 1400};
    *state = f;
    return 0;
}

int receiver_story_teardown(void **state)
{
    struct receiver_story *f = *state;

    wherry_receiver_free(f->receiver);
    free(f);
    return 0;
}

void begin(struct receiver_story *f)
{
    assert_int_equal(wherry_receiver_new(&f->receiver, &f->params), RES_OK);
}

void begin_window(struct receiver_story *f, uint16_t windowsize, uint64_t length)
{
    f->params.agreed.windowsize = windowsize;
    f->length = length;
    begin(f);
}

static size_t block_len(const struct receiver_story *f, uint64_t block)
{
    uint64_t blksize = f->params.agreed.blksize;
    uint64_t from = (block - 1) * blksize;

    if (from >= f->length) {
        return 0;
    }
    return f->length - from < blksize ? (size_t)(f->length - from) : (size_t)blksize;
}

static enum wherry_verdict give(struct receiver_story *f, uint64_t block, uint64_t now_ns,
                                uint8_t bytes[BYTES_MAX], struct wherry_piece *ret)
{
    size_t len = block_len(f, block);
    struct wherry_packet p;

    assert_in_range(f->params.agreed.blksize, 1, BYTES_MAX);
    memset(bytes, (int)(block % 251), len);
    p = packets_data(packets_wire(block, f->params.agreed.rollover), bytes, len);
    return wherry_receiver_input(f->receiver, &p, now_ns, ret);
}

enum wherry_verdict give_data(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    uint8_t bytes[BYTES_MAX];
    struct wherry_piece piece;

    return give(f, block, now_ns, bytes, &piece);
}

void hold_data(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    uint8_t bytes[BYTES_MAX];
    struct wherry_piece piece = {.block = 0};
    size_t len = block_len(f, block);

    assert_int_equal(give(f, block, now_ns, bytes, &piece), WHERRY_STORE);
    assert_int_equal(piece.block, block);
    assert_int_equal(piece.offset, (block - 1) * f->params.agreed.blksize);
    assert_int_equal(piece.bytes.len, len);
    if (len > 0) {
        assert_ptr_equal(piece.bytes.bytes, bytes);
    }
    assert_int_equal(piece.last, len < f->params.agreed.blksize);
}

void stored(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    wherry_receiver_stored(f->receiver, block, now_ns);
}

void take_data(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    hold_data(f, block, now_ns);
    stored(f, block, now_ns);
}

void give_packet(struct receiver_story *f, struct wherry_packet p, uint64_t now_ns)
{
    struct wherry_piece piece;

    assert_int_not_equal(wherry_receiver_input(f->receiver, &p, now_ns, &piece), WHERRY_STORE);
}

void expect_ack(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    uint16_t wire = packets_wire(block, f->params.agreed.rollover);
    const uint8_t expected[] = {0, WHERRY_ACK, (uint8_t)(wire >> 8), (uint8_t)wire};
    uint8_t buf[512];

    assert_int_equal(wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns), 4);
    assert_memory_equal(buf, expected, sizeof(expected));
    expect_silence(f, now_ns);
}

void expect_opening(struct receiver_story *f, uint64_t now_ns)
{
    uint8_t buf[512];

    assert_int_equal(wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns),
                     f->params.opening_len);
    assert_memory_equal(buf, f->params.opening, f->params.opening_len);
    expect_silence(f, now_ns);
}

void expect_error(struct receiver_story *f, uint16_t code, const char *text, uint64_t now_ns)
{
    uint8_t buf[512];

    assert_int_equal(wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns),
                     4 + strlen(text) + 1);
    assert_memory_equal(buf, "\0\5", 2);
    assert_int_equal(buf[2] << 8 | buf[3], code);
    assert_string_equal((const char *)buf + 4, text);
    expect_silence(f, now_ns);
}

void expect_silence(struct receiver_story *f, uint64_t now_ns)
{
    uint8_t buf[512];

    assert_int_equal(wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns), 0);
}

void expect_state(struct receiver_story *f, enum wherry_receiver_state state, enum res result)
{
    assert_int_equal(wherry_receiver_state(f->receiver), state);
    assert_int_equal(wherry_receiver_over(f->receiver),
                     state == WHERRY_RECEIVER_DONE || state == WHERRY_RECEIVER_FAILED);
    if (state >= WHERRY_RECEIVER_DALLYING) {
        assert_int_equal(wherry_receiver_result(f->receiver), result);
    }
    if (wherry_receiver_over(f->receiver)) {
        assert_true(wherry_receiver_deadline(f->receiver) == WHERRY_NEVER);
    }
}

uint64_t run_out(struct receiver_story *f)
{
    uint64_t at_ns = wherry_receiver_deadline(f->receiver);

    assert_true(at_ns != WHERRY_NEVER);
    wherry_receiver_expire(f->receiver, at_ns);
    return at_ns;
}

void take_file(struct receiver_story *f)
{
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    take_data(f, 2, 20 * MS);
    expect_ack(f, 2, 20 * MS);
    take_data(f, 3, 30 * MS);
    expect_silence(f, 30 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
}
