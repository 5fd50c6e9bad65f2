/* SPDX-License-Identifier: BSD-2-Clause */
#include "load_socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define JOINED_BYTES 65536u
#define MESSAGE_MAX 65507u
#define BURST_MAX 64u
#define BUFFER_MAX (8 << 20)

struct control {
    _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

struct load_inbox {
    uint32_t capacity;
    size_t slot_bytes;
    bool gro;
    uint32_t count; /* messages of the last fill */
    uint32_t at;    /* the one that is being taken apart */
    size_t used;    /* of its bytes */
    struct mmsghdr *messages;
    struct iovec *iovecs;
    struct sockaddr_in *from;
    struct control *controls;
    uint8_t *bytes;
};

struct load_inbox *load_inbox_new(uint32_t datagrams, size_t datagram_bytes, bool gro)
{
    struct load_inbox *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        return NULL;
    }
    in->gro = gro;
    in->capacity = datagrams > BURST_MAX ? BURST_MAX : datagrams;
    in->slot_bytes = gro ? JOINED_BYTES : (datagram_bytes + 63) / 64 * 64;
    in->messages = calloc(in->capacity, sizeof(*in->messages));
    in->iovecs = calloc(in->capacity, sizeof(*in->iovecs));
    in->from = calloc(in->capacity, sizeof(*in->from));
    in->controls = calloc(in->capacity, sizeof(*in->controls));
    in->bytes = calloc(in->capacity, in->slot_bytes);
    if (in->messages == NULL || in->iovecs == NULL || in->from == NULL || in->controls == NULL ||
        in->bytes == NULL) {
        load_inbox_free(in);
        return NULL;
    }
    for (uint32_t i = 0; i < in->capacity; i++) {
        in->iovecs[i] = (struct iovec){in->bytes + i * in->slot_bytes, in->slot_bytes};
        in->messages[i].msg_hdr.msg_iov = &in->iovecs[i];
        in->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return in;
}

void load_inbox_free(struct load_inbox *in)
{
    if (in == NULL) {
        return;
    }
    free(in->messages);
    free(in->iovecs);
    free(in->from);
    free(in->controls);
    free(in->bytes);
    free(in);
}

bool load_inbox_fill(struct load_inbox *in, int fd, bool *refused)
{
    int n;

    *refused = false;
    in->count = 0;
    in->at = 0;
    in->used = 0;
    for (uint32_t i = 0; i < in->capacity; i++) {
        struct msghdr *m = &in->messages[i].msg_hdr;

        m->msg_name = &in->from[i];
        m->msg_namelen = sizeof(in->from[i]);
        m->msg_control = in->gro ? &in->controls[i] : NULL;
        m->msg_controllen = in->gro ? sizeof(in->controls[i]) : 0;
    }
    n = recvmmsg(fd, in->messages, in->capacity, MSG_DONTWAIT, NULL);
    if (n <= 0) {
        *refused = n == -1 && errno == ECONNREFUSED;
        return false;
    }
    in->count = (uint32_t)n;
    return true;
}

/* How long the datagrams are that this message was joined from. */
static size_t joined_from(const struct load_inbox *in, struct mmsghdr *m)
{
    size_t len = m->msg_len;
    int size;

    if (in->gro) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c != NULL;
             c = CMSG_NXTHDR(&m->msg_hdr, c)) {
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                memcpy(&size, CMSG_DATA(c), sizeof(size));
                len = size > 0 ? (size_t)size : len;
            }
        }
    }
    return len;
}

bool load_inbox_next(struct load_inbox *in, struct wherry_view *ret, struct sockaddr_in *ret_from)
{
    struct mmsghdr *m;
    size_t step, left;

    if (in->at == in->count) {
        return false;
    }
    m = &in->messages[in->at];
    step = joined_from(in, m);
    left = m->msg_len - in->used;
    *ret_from = in->from[in->at];
    ret->bytes = in->bytes + in->at * in->slot_bytes + in->used;
    ret->len = left < step ? left : step;
    in->used += ret->len;
    if (in->used >= m->msg_len) {
        in->at++;
        in->used = 0;
    }
    return true;
}

int load_socket_open(size_t window_bytes, bool gro)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int saved, bytes;

    if (fd == -1) {
        return -1;
    }
    /* The kernel counts a datagram as up to twice its bytes; its default is 208 KiB. */
    if (window_bytes > 65536) {
        bytes = window_bytes * 3 > BUFFER_MAX ? BUFFER_MAX : (int)(window_bytes * 3);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == -1 &&
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == -1) {
            goto fail;
        }
    }
    if (gro && setsockopt(fd, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)) == -1) {
        goto fail;
    }
    return fd;
fail:
    saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

/* sendmsg(2) only reads, but struct iovec does not say so. */
static void *unconst(const uint8_t *bytes)
{
    void *ret;

    memcpy(&ret, &bytes, sizeof(ret));
    return ret;
}

static size_t block_len(const struct wherry_burst *b, uint32_t i)
{
    return i + 1 == b->count ? b->last_len : b->blksize;
}

static uint32_t send_singly(int fd, const struct msghdr *head, struct iovec *iov, uint32_t count)
{
    struct mmsghdr messages[BURST_MAX];
    int n;

    for (uint32_t i = 0; i < count; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = *head};
        messages[i].msg_hdr.msg_iov = &iov[(size_t)2 * i];
        messages[i].msg_hdr.msg_iovlen = 2;
    }
    n = sendmmsg(fd, messages, count, 0);
    return n > 0 ? (uint32_t)n : 0;
}

static uint32_t send_joined(int fd, const struct msghdr *to, const struct wherry_burst *b,
                            struct iovec *iov, uint32_t count)
{
    struct control control = {{0}};
    struct msghdr m = *to;
    uint16_t segment = (uint16_t)(b->blksize + WHERRY_HEADER_BYTES);
    struct cmsghdr *c;

    m.msg_iov = iov;
    m.msg_iovlen = (size_t)2 * count;
    m.msg_control = &control;
    m.msg_controllen = CMSG_SPACE(sizeof(segment));
    c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    return sendmsg(fd, &m, 0) == -1 ? 0 : count;
}

uint32_t load_socket_burst(int fd, const struct sockaddr_in *to, const struct wherry_burst *b,
                           const uint8_t *blocks, bool in_segments)
{
    uint8_t headers[BURST_MAX][WHERRY_HEADER_BYTES];
    struct iovec iov[2 * BURST_MAX];
    struct iovec *next = iov;
    struct sockaddr_in peer;
    struct msghdr head = {0};
    uint32_t most = BURST_MAX;
    uint32_t count;

    if (to != NULL) {
        peer = *to;
        head.msg_name = &peer;
        head.msg_namelen = sizeof(peer);
    }
    if (in_segments && MESSAGE_MAX / (b->blksize + WHERRY_HEADER_BYTES) < most) {
        most = MESSAGE_MAX / (b->blksize + WHERRY_HEADER_BYTES);
    }
    count = b->count < most ? b->count : most;
    for (uint32_t i = 0; i < count; i++) {
        wherry_burst_header(b, i, headers[i]);
        *next++ = (struct iovec){headers[i], WHERRY_HEADER_BYTES};
        next->iov_base = unconst(blocks + (size_t)i * b->blksize);
        next++->iov_len = block_len(b, i);
    }
    if (in_segments && count > 1) {
        return send_joined(fd, &head, b, iov, count);
    }
    return send_singly(fd, &head, iov, count);
}
