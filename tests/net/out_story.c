/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/out_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(struct out *o, struct out_datagram *list, size_t *count, uint16_t port, size_t len)
{
    assert_true(*count < OUT_DATAGRAMS);
    assert_true(o->bytes_used + len <= OUT_BYTES);
    list[(*count)++] =
        (struct out_datagram){.port = port, .len = len, .bytes = o->bytes + o->bytes_used};
    o->bytes_used += len;
}

/* Where the kernel is told to cut; all of it if it is not. */
static size_t segment_of(const struct msghdr *m, size_t len)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(m);
    uint16_t segment;

    if (c == NULL) {
        return len;
    }
    assert_int_equal(c->cmsg_level, IPPROTO_UDP);
    assert_int_equal(c->cmsg_type, UDP_SEGMENT);
    assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(segment)));
    assert_null(CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, (struct cmsghdr *)(uintptr_t)c));
    memcpy(&segment, CMSG_DATA(c), sizeof(segment));
    assert_true(segment > 0);
    return segment;
}

static void take(struct out *o, const struct msghdr *m, uint16_t port, size_t segment)
{
    size_t at = o->bytes_used;
    size_t end = at;

    for (size_t i = 0; i < m->msg_iovlen; i++) {
        assert_true(end + m->msg_iov[i].iov_len <= OUT_BYTES);
        memcpy(o->bytes + end, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
        end += m->msg_iov[i].iov_len;
    }
    assert_true(end - at <= 65507); /* 65535 less the headers of IPv4 and UDP */
    assert_true(segment == end - at || end - at <= 64 * segment);
    do {
        size_t len = end - o->bytes_used < segment ? end - o->bytes_used : segment;

        note(o, o->left, &o->left_count, port, len);
    } while (o->bytes_used < end);
    o->messages++;
}

static int refusal(struct out *o, uint16_t port, bool joined)
{
    int once = o->once;

    if (once != 0) {
        o->once = 0;
        return once;
    }
    if (o->full_after == 0) {
        return o->full_error;
    }
    if (joined) {
        o->joined_asked++;
    }
    if (port == o->refused) {
        return EPERM;
    }
    return joined ? o->joined_error : 0;
}

static int on_message(void *arg, const struct msghdr *m)
{
    struct out *o = arg;
    struct addr to = {.len = m->msg_namelen};
    size_t len = 0;
    size_t segment;
    int error;

    assert_true(m->msg_iovlen <= IOV_MAX);
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        len += m->msg_iov[i].iov_len;
    }
    memcpy(&to.u, m->msg_name, m->msg_namelen);
    segment = segment_of(m, len);
    error = refusal(o, addr_port(&to), segment != len);
    if (error != 0) {
        return error;
    }
    if (segment != len) {
        assert_true(segment < len); /* or there would be nothing to cut */
        o->joined++;
    }
    o->full_after--;
    take(o, m, addr_port(&to), segment);
    return JUDGE_TOOK;
}

static int set_up(void **state, enum udp_out_segments segments)
{
    struct out *o = calloc(1, sizeof(*o));
    struct addr ignored;

    assert_non_null(o);
    o->bytes = malloc(OUT_BYTES);
    assert_non_null(o->bytes);
    memset(&played, 0, sizeof(played));
    assert_int_equal(udp_out_new(&o->queue, segments), RES_OK);
    o->line.fd = open_on("127.0.0.1", &ignored);
    o->full_after = SIZE_MAX;
    o->full_error = EAGAIN;
    played.judge = on_message;
    played.judge_arg = o;
    *state = o;
    return 0;
}

int out_setup(void **state)
{
    return set_up(state, UDP_SEGMENTS_AUTO);
}

int out_setup_single(void **state)
{
    return set_up(state, UDP_SEGMENTS_OFF);
}

int out_teardown(void **state)
{
    struct out *o = *state;

    memset(&played, 0, sizeof(played));
    udp_line_clear(&o->line);
    close(o->line.fd);
    udp_out_free(o->queue);
    free(o->bytes);
    free(o);
    return 0;
}

struct wherry_burst out_burst(uint64_t first, uint32_t count, uint16_t blksize, uint16_t last_len)
{
    return (struct wherry_burst){.first = first,
                                 .offset = (first - 1) * blksize,
                                 .count = count,
                                 .blksize = blksize,
                                 .last_len = last_len};
}

struct addr out_peer(uint16_t port)
{
    return make_addr("127.0.0.1", port);
}

static uint8_t content(uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 251 + offset / 65521);
}

void out_fill(uint8_t *blocks, const struct wherry_burst *b)
{
    for (size_t i = 0; i < (size_t)(b->count - 1) * b->blksize + b->last_len; i++) {
        blocks[i] = content(b->offset + i);
    }
}

void out_expect(struct out *o, uint16_t port, const struct wherry_burst *b, uint32_t block)
{
    size_t len = block + 1 == b->count ? b->last_len : b->blksize;
    uint8_t *to = o->bytes + o->bytes_used;
    uint64_t number = b->first + block;

    note(o, o->want, &o->want_count, port, 4 + len);
    to[0] = 0;
    to[1] = 3; /* DATA */
    to[2] = (uint8_t)(number >> 8);
    to[3] = (uint8_t)number;
    for (size_t i = 0; i < len; i++) {
        to[4 + i] = content(b->offset + (uint64_t)block * b->blksize + i);
    }
}

void out_give(struct out *o, uint16_t port, const struct wherry_burst *b, bool *segments)
{
    struct addr peer = out_peer(port);
    uint8_t *room;

    udp_out_to(o->queue, &o->line);
    room = udp_out_room(o->queue, (size_t)b->count * b->blksize);
    out_fill(room, b);
    udp_out_data(o->queue, &peer, b, room, segments);
    memset(&peer, 0, sizeof(peer)); /* it was copied */
    for (uint32_t i = 0; i < b->count; i++) {
        out_expect(o, port, b, i);
    }
}

void out_give_text(struct out *o, uint16_t port, const char *text)
{
    struct addr peer = out_peer(port);
    size_t len = strlen(text);
    char copy[64];

    assert_true(len <= sizeof(copy));
    memcpy(copy, text, len);
    udp_out_to(o->queue, &o->line);
    udp_out_control(o->queue, &peer, (const uint8_t *)copy, len);
    memset(copy, 0, sizeof(copy)); /* it was copied */
    memcpy(o->bytes + o->bytes_used, text, len);
    note(o, o->want, &o->want_count, port, len);
}

void out_forgive(struct out *o, uint16_t port)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->want_count; i++) {
        if (o->want[i].port != port) {
            o->want[kept++] = o->want[i];
        }
    }
    o->want_count = kept;
}

void out_compare(struct out *o)
{
    assert_int_equal(o->left_count, o->want_count);
    for (size_t i = 0; i < o->want_count; i++) {
        assert_int_equal(o->left[i].port, o->want[i].port);
        assert_int_equal(o->left[i].len, o->want[i].len);
        assert_memory_equal(o->left[i].bytes, o->want[i].bytes, o->want[i].len);
    }
    o->left_count = 0;
    o->want_count = 0;
    o->messages = 0;
    o->joined = 0;
    o->joined_asked = 0;
    o->bytes_used = 0;
    played.one_calls = 0;
    played.many_calls = 0;
}
