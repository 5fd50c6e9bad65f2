/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp_out.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"
#include "net/udp_hold.h"

/* Between two flushes: so many datagrams (or blocks of joined ones) and the parts they are made of.
 * A full UDP_OUT_BLOCK_BYTES of 512-byte blocks. */
#define DATAGRAMS 512u
#define PARTS ((size_t)2 * DATAGRAMS)

/* The kernel's own bounds of one message. 64 segments are 128 parts, far below IOV_MAX. */
#define JOINED_SEGMENTS 64u
#define JOINED_BYTES 65507u

#define BLOCK_ALIGN 64u

/* What the queue has to know of a message beside what the kernel is told. */
struct note {
    struct addr peer;
    struct udp_cut cut;
    bool *segments; /* of a joined message: the transfer's */
};

struct udp_out {
    bool join;
    struct udp_line *line;
    size_t messages;
    size_t parts;
    size_t headers;
    size_t used;   /* of blocks */
    uint8_t *room; /* the last that was given out, NULL once used */
    struct mmsghdr message[DATAGRAMS];
    struct note note[DATAGRAMS];
    struct iovec part[PARTS];
    uint8_t header[DATAGRAMS][WHERRY_HEADER_BYTES];
    _Alignas(BLOCK_ALIGN) uint8_t blocks[UDP_OUT_BLOCK_BYTES + BLOCK_ALIGN];
};

static enum res ask_kernel(bool *ret)
{
    int off = 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (fd == -1) {
        return socket_give_up(-1);
    }
    *ret = setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof(off)) == 0;
    close(fd);
    return RES_OK;
}

enum res udp_out_new(struct udp_out **ret, enum udp_out_segments segments)
{
    bool join = false;
    struct udp_out *o;
    enum res r;

    if (segments == UDP_SEGMENTS_AUTO) {
        r = ask_kernel(&join);
        if (r != RES_OK) {
            return r;
        }
    }
    o = aligned_alloc(_Alignof(struct udp_out), sizeof(*o));
    if (o == NULL) {
        return RES_NO_MEMORY;
    }
    memset(o, 0, offsetof(struct udp_out, message)); /* pages never used stay untouched */
    o->join = join;
    *ret = o;
    return RES_OK;
}

void udp_out_free(struct udp_out *o)
{
    free(o);
}

/* --- sending what was queued --- */

enum outcome { ALL_LEFT, SOCKET_FULL, JOINED_REFUSED };

/* A single contiguous datagram needs no vector. */
static int send_some(int fd, struct mmsghdr *messages, size_t count)
{
    const struct msghdr *m = &messages[0].msg_hdr;

    if (count > 1 || m->msg_iovlen > 1) {
        return sendmmsg(fd, messages, (unsigned)count, MSG_NOSIGNAL);
    }
    return sendto(fd, m->msg_iov->iov_base, m->msg_iov->iov_len, MSG_NOSIGNAL, m->msg_name,
                  m->msg_namelen) < 0
               ? -1
               : 1;
}

/* *ret_done: how many left or are lost; what ended it, if not all, is the next one. A short count
 * of the kernel hides an error: the next call shows it. */
static enum outcome send_messages(struct udp_line *line, struct mmsghdr *messages, size_t count,
                                  size_t *ret_done)
{
    enum outcome outcome = ALL_LEFT;
    size_t done = 0;
    int tries = 0;

    while (done < count && outcome == ALL_LEFT) {
        int n = send_some(line->fd, &messages[done], count - done);

        if (n > 0) {
            done += (size_t)n;
            tries = 0;
        } else if (udp_error_is_full(errno)) {
            outcome = SOCKET_FULL;
        } else {
            line->errors = true;
            if (++tries == UDP_SEND_TRIES) {
                if (udp_cut_get(&messages[done].msg_hdr) != 0 && udp_error_is_of_joined(errno)) {
                    outcome = JOINED_REFUSED;
                } else {
                    done++;
                }
                tries = 0;
            }
        }
    }
    *ret_done = done;
    return outcome;
}

/* The same blocks as single datagrams. False: the socket is full, the rest is held. */
static bool send_apart(struct udp_line *line, const struct msghdr *joined)
{
    struct mmsghdr single[JOINED_SEGMENTS];
    size_t count = joined->msg_iovlen / 2;
    size_t done;

    for (size_t i = 0; i < count; i++) {
        single[i] = (struct mmsghdr){.msg_hdr = {.msg_name = joined->msg_name,
                                                 .msg_namelen = joined->msg_namelen,
                                                 .msg_iov = &joined->msg_iov[2 * i],
                                                 .msg_iovlen = 2}};
    }
    if (send_messages(line, single, count, &done) == ALL_LEFT) {
        return true;
    }
    udp_line_hold(line, &single[done], count - done);
    return false;
}

static bool is_joined(const struct udp_out *o, size_t i)
{
    return o->note[i].segments != NULL;
}

/* Messages from the first on that may leave as they are: up to a joined one whose path has just
 * refused another. */
static size_t count_fit(const struct udp_out *o, size_t first)
{
    size_t i = first;

    while (i < o->messages && (!is_joined(o, i) || *o->note[i].segments)) {
        i++;
    }
    return i - first;
}

/* Empties the queue; blocks that were not queued yet keep their room. */
static void send_queued(struct udp_out *o)
{
    bool open = !o->line->full;
    size_t next = 0;
    size_t done;

    while (open && next < o->messages) {
        enum outcome outcome = send_messages(o->line, &o->message[next], count_fit(o, next), &done);

        next += done;
        if (outcome == SOCKET_FULL) {
            open = false;
        } else if (next < o->messages) {
            *o->note[next].segments = false;
            open = send_apart(o->line, &o->message[next].msg_hdr);
            next++;
        }
    }
    if (!open) {
        udp_line_hold(o->line, &o->message[next], o->messages - next);
    }
    o->messages = 0;
    o->parts = 0;
    o->headers = 0;
}

void udp_out_flush(struct udp_out *o)
{
    if (o->messages > 0) {
        send_queued(o);
    }
    o->used = 0;
    o->room = NULL;
}

/* --- queueing --- */

void udp_out_to(struct udp_out *o, struct udp_line *line)
{
    if (o->line != line) {
        udp_out_flush(o);
        o->line = line;
    }
}

uint8_t *udp_out_room(struct udp_out *o, size_t bytes)
{
    /* The first block's header can stand right before it. */
    size_t start = (o->used + WHERRY_HEADER_BYTES + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;

    if (start + bytes > sizeof(o->blocks)) {
        udp_out_flush(o);
        start = BLOCK_ALIGN;
    }
    o->room = o->blocks + start;
    return o->room;
}

static void keep_room(struct udp_out *o, size_t bytes)
{
    o->used = (size_t)(o->room - o->blocks) + bytes;
    o->room = NULL;
}

/* A message without parts yet; they follow behind those of the message before. */
static struct msghdr *add_message(struct udp_out *o, const struct addr *peer)
{
    struct msghdr *m = &o->message[o->messages].msg_hdr;
    struct note *note = &o->note[o->messages];

    o->messages++;
    note->peer = *peer;
    note->segments = NULL;
    *m = (struct msghdr){
        .msg_name = &note->peer.u,
        .msg_namelen = peer->len,
        .msg_iov = &o->part[o->parts],
    };
    return m;
}

static void add_part(struct udp_out *o, struct msghdr *m, const uint8_t *bytes, size_t len)
{
    o->part[o->parts++] = (struct iovec){.iov_base = (void *)bytes, .iov_len = len};
    m->msg_iovlen++;
}

static size_t len_of(const struct wherry_burst *b, uint32_t i)
{
    return i + 1 == b->count ? b->last_len : b->blksize;
}

/* Blocks first to first + count - 1 of the burst as one message. */
static void add_blocks(struct udp_out *o, const struct addr *peer, const struct wherry_burst *b,
                       const uint8_t *blocks, uint32_t first, uint32_t count, bool *segments)
{
    struct msghdr *m = add_message(o, peer);

    for (uint32_t i = first; i < first + count; i++) {
        uint8_t *header = o->header[o->headers++];

        wherry_burst_header(b, i, header);
        add_part(o, m, header, WHERRY_HEADER_BYTES);
        add_part(o, m, blocks + (size_t)i * b->blksize, len_of(b, i));
    }
    if (count > 1) {
        o->note[o->messages - 1].segments = segments;
        udp_cut_set(m, &o->note[o->messages - 1].cut, (uint16_t)(WHERRY_HEADER_BYTES + b->blksize));
    }
}

/* A lock-step transfer's block, in a room of ours: its header goes before it, and it leaves as one
 * piece. */
static void add_whole(struct udp_out *o, const struct addr *peer, const struct wherry_burst *b,
                      uint8_t *block)
{
    uint8_t *datagram = block - WHERRY_HEADER_BYTES;

    wherry_burst_header(b, 0, datagram);
    add_part(o, add_message(o, peer), datagram, WHERRY_HEADER_BYTES + len_of(b, 0));
}

static bool has_room(const struct udp_out *o, uint32_t datagrams)
{
    return o->messages < DATAGRAMS && o->headers + datagrams <= DATAGRAMS &&
           o->parts + 2 * (size_t)datagrams <= PARTS;
}

/* How many of `left` blocks make one message. */
static uint32_t joinable(const struct udp_out *o, const struct wherry_burst *b, uint32_t left,
                         bool segments)
{
    uint32_t most = JOINED_BYTES / (WHERRY_HEADER_BYTES + b->blksize);

    if (!o->join || !segments || most == 0) {
        return 1;
    }
    most = most < JOINED_SEGMENTS ? most : JOINED_SEGMENTS;
    return left < most ? left : most;
}

void udp_out_data(struct udp_out *o, const struct addr *peer, const struct wherry_burst *b,
                  const uint8_t *blocks, bool *segments)
{
    uint8_t *room = blocks == o->room ? o->room : NULL;
    uint32_t first = 0;

    if (room != NULL) {
        keep_room(o, (size_t)(b->count - 1) * b->blksize + b->last_len);
    }
    while (first < b->count) {
        uint32_t count = joinable(o, b, b->count - first, *segments);

        if (!has_room(o, count)) {
            send_queued(o); /* and not flush: the rest of these blocks still lies in its room */
            count = joinable(o, b, b->count - first, *segments);
        }
        if (room != NULL && b->count == 1) {
            add_whole(o, peer, b, room);
        } else {
            add_blocks(o, peer, b, blocks, first, count, segments);
        }
        first += count;
    }
}

void udp_out_control(struct udp_out *o, const struct addr *peer, const uint8_t *bytes, size_t len)
{
    uint8_t *room = udp_out_room(o, len);

    memcpy(room, bytes, len);
    keep_room(o, len);
    if (!has_room(o, 1)) {
        send_queued(o);
    }
    add_part(o, add_message(o, peer), room, len);
}
