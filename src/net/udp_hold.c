/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of udp_out.h for sockets that are full: what waits in a line, and how it leaves. */
#include "net/udp_hold.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

/* One message that waits; its bytes stand behind it. */
struct held_message {
    struct addr peer;
    size_t len;
    size_t sent;      /* of them, when they leave as single datagrams */
    uint16_t segment; /* 0: one datagram */
    bool joined;      /* false again once the kernel refused to cut it */
};

struct held {
    size_t used;
    size_t next; /* where the first message that has not left begins */
    size_t capacity;
    _Alignas(struct held_message) uint8_t bytes[];
};

bool udp_error_is_full(int error)
{
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

bool udp_error_is_of_joined(int error)
{
    return error == EMSGSIZE || error == EINVAL || error == EIO || error == EOPNOTSUPP ||
           error == EPERM;
}

void udp_cut_set(struct msghdr *m, struct udp_cut *cut, uint16_t segment)
{
    struct cmsghdr *c;

    memset(cut, 0, sizeof(*cut));
    m->msg_control = cut->bytes;
    m->msg_controllen = sizeof(cut->bytes);
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
}

uint16_t udp_cut_get(const struct msghdr *m)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(m);
    uint16_t segment = 0;

    if (c != NULL) {
        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
    }
    return segment;
}

/* --- what comes in --- */

static size_t bytes_of(const struct msghdr *m)
{
    size_t len = 0;

    for (size_t i = 0; i < m->msg_iovlen; i++) {
        len += m->msg_iov[i].iov_len;
    }
    return len;
}

/* What a message takes, up to where the next may begin. */
static size_t room_of(size_t len)
{
    size_t align = _Alignof(struct held_message);

    return sizeof(struct held_message) + (len + align - 1) / align * align;
}

/* Room for so many bytes more; NULL if that is too much, or there is no memory. */
static struct held *grown(struct held *h, size_t more)
{
    size_t used = h == NULL ? 0 : h->used;
    size_t capacity = h == NULL ? 0 : h->capacity;
    struct held *larger;

    if (more > UDP_OUT_HELD_BYTES - used) {
        return NULL;
    }
    if (more <= capacity - used) {
        return h;
    }
    capacity = 2 * capacity > used + more ? 2 * capacity : used + more;
    larger = realloc(h, sizeof(*h) + capacity);
    if (larger == NULL) {
        return NULL;
    }
    larger->capacity = capacity;
    if (h == NULL) {
        larger->used = 0;
        larger->next = 0;
    }
    return larger;
}

static void put_message(struct held *h, const struct msghdr *m, size_t len)
{
    struct held_message head = {.len = len, .segment = udp_cut_get(m)};
    uint8_t *to = h->bytes + h->used;

    head.joined = head.segment != 0;
    memcpy(&head.peer.u, m->msg_name, m->msg_namelen);
    head.peer.len = m->msg_namelen;
    memcpy(to, &head, sizeof(head));
    to += sizeof(head);
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        memcpy(to, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
        to += m->msg_iov[i].iov_len;
    }
    h->used += room_of(len);
}

void udp_line_hold(struct udp_line *line, const struct mmsghdr *messages, size_t count)
{
    line->full = true;
    for (size_t i = 0; i < count; i++) {
        const struct msghdr *m = &messages[i].msg_hdr;
        size_t len = bytes_of(m);
        struct held *h = grown(line->held, room_of(len));

        if (h != NULL) {
            line->held = h;
            put_message(h, m, len);
        }
    }
}

/* --- what leaves --- */

/* Sends the next datagram of the message, or all of them joined. */
static bool send_piece(struct udp_line *line, struct held_message *held)
{
    size_t left = held->len - held->sent;
    bool single = held->segment != 0 && !held->joined && held->segment < left;
    struct iovec part = {.iov_base = (uint8_t *)(held + 1) + held->sent,
                         .iov_len = single ? held->segment : left};
    struct msghdr m = {.msg_name = &held->peer.u,
                       .msg_namelen = held->peer.len,
                       .msg_iov = &part,
                       .msg_iovlen = 1};
    struct udp_cut cut;

    if (held->joined) {
        udp_cut_set(&m, &cut, held->segment);
    }
    for (int tries = 0; tries < UDP_SEND_TRIES; tries++) {
        if (sendmsg(line->fd, &m, MSG_NOSIGNAL) >= 0) {
            held->sent += part.iov_len;
            return true;
        }
        if (udp_error_is_full(errno)) {
            return false;
        }
        line->errors = true;
    }
    if (held->joined && udp_error_is_of_joined(errno)) {
        held->joined = false;
    } else {
        held->sent += part.iov_len; /* lost */
    }
    return true;
}

bool udp_line_resume(struct udp_line *line)
{
    struct held *h = line->held;

    while (h != NULL && h->next < h->used) {
        struct held_message *held = (struct held_message *)(void *)(h->bytes + h->next);

        do {
            if (!send_piece(line, held)) {
                return false;
            }
        } while (held->sent < held->len);
        h->next += room_of(held->len);
    }
    udp_line_clear(line);
    return true;
}

void udp_line_clear(struct udp_line *line)
{
    free(line->held);
    line->held = NULL;
    line->full = false;
}
