/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/world.h"

#include <inttypes.h>

#include "support/packets.h"

#define PATIENCE_NS (UINT64_C(3600) * 1000000000) /* no scene may run out of it */
#define SOCKET_FULL_NS UINT64_C(1000000)

enum res sending_begin(struct world *w)
{
    const struct scene *sc = w->scene;
    struct wherry_sender_params p = {.length =
                                         sc->length_known ? sc->length : WHERRY_LENGTH_UNKNOWN,
                                     .patience_ns = PATIENCE_NS,
                                     .last_ack_optional = !sc->upload,
                                     .now_ns = link_now_ns(w->link)};

    wherry_agreed_init(&p.agreed);
    if (sc->upload) {
        p.opening = w->request;
        p.opening_len = w->request_len;
    } else {
        p.opening = w->answer_len > 0 ? w->answer : NULL;
        p.opening_len = w->answer_len;
        p.agreed = sc->agreed;
    }
    return wherry_sender_new(&w->sender, &p);
}

/* Cuts a burst to what the file holds while the sender does not know its length, and tells the
 * length as soon as the last block is met. False: ask again. */
static bool meet_the_end(struct world *w, struct wherry_burst *b)
{
    uint64_t end = b->offset + (uint64_t)(b->count - 1) * b->blksize + b->last_len;

    if (end <= w->file.len) {
        return true;
    }
    b->count = (uint32_t)((w->file.len - b->offset) / b->blksize);
    b->last_len = b->blksize;
    if (b->count == 0) {
        wherry_sender_length(w->sender, w->file.len);
    }
    return b->count > 0;
}

static void judge_burst(struct world *w, const struct wherry_burst *b)
{
    uint64_t last = b->first + b->count - 1;

    if (last > w->acked + w->scene->agreed.windowsize) {
        world_wrong(w, "DATA %" PRIu64 " is beyond the window behind ACK %" PRIu64, last, w->acked);
    }
    if (b->first <= w->acked || b->first > w->highest + 1) {
        world_wrong(w, "DATA %" PRIu64 " is out of order: acknowledged %" PRIu64 ", sent %" PRIu64,
                    b->first, w->acked, w->highest);
    }
    if (b->offset != (b->first - 1) * w->scene->agreed.blksize || b->kept > b->offset) {
        world_wrong(w, "DATA %" PRIu64 " from offset %" PRIu64 ", kept from %" PRIu64, b->first,
                    b->offset, b->kept);
    }
}

static void send_blocks(struct world *w, const struct wherry_burst *b, uint32_t count)
{
    uint8_t datagram[LINK_DATAGRAM_MAX];

    for (uint32_t i = 0; i < count; i++) {
        size_t len = i + 1 == b->count ? b->last_len : b->blksize;
        uint64_t offset = b->offset + (uint64_t)i * b->blksize;

        wherry_burst_header(b, i, datagram);
        if (mem_file_read(&w->file, offset, datagram + WHERRY_HEADER_BYTES, len) != RES_OK) {
            world_wrong(w, "%zu bytes at %" PRIu64 " are beyond the file", len, offset);
            return;
        }
        world_note(w, "DATA %" PRIu64 ", %zu bytes%s", b->first + i, len,
                   b->first + i <= w->highest ? ", again" : "");
        world_send(w, LINK_RECEIVER, datagram, WHERRY_HEADER_BYTES + len);
        if (b->first + i > w->highest) {
            w->highest = b->first + i;
        }
    }
    w->data_sent += count;
    wherry_sender_sent(w->sender, count, link_now_ns(w->link));
}

void sending_flush(struct world *w)
{
    uint8_t datagram[LINK_DATAGRAM_MAX];
    uint64_t now_ns = link_now_ns(w->link);
    struct wherry_burst b;
    size_t len;

    if (w->sender == NULL) {
        return;
    }
    while ((len = wherry_sender_control(w->sender, datagram, sizeof(datagram), now_ns)) > 0) {
        world_note(w, "the sender's opening, or an ERROR");
        world_send(w, LINK_RECEIVER, datagram, len);
    }
    while (w->writable_ns <= now_ns && w->wrong[0] == '\0' &&
           wherry_sender_burst(w->sender, (uint32_t)chance_between(&w->chance, 1, 64), &b)) {
        uint32_t count;

        if (!meet_the_end(w, &b)) {
            continue;
        }
        judge_burst(w, &b);
        count = b.count;
        if (chance_happens(&w->chance, w->scene->socket_permille)) {
            count = (uint32_t)chance_between(&w->chance, 0, b.count);
            w->writable_ns = now_ns + SOCKET_FULL_NS;
        }
        send_blocks(w, &b, count);
    }
}

static void accept_oack(struct world *w, const struct wherry_packet *p)
{
    struct wherry_options answered;
    struct wherry_agreed agreed;

    wherry_options_parse(&answered, p->options);
    if (wherry_options_accept(&w->asked, &answered, &agreed) != RES_OK) {
        world_wrong(w, "the client refuses the OACK");
        return;
    }
    wherry_sender_agree(w->sender, &agreed, link_now_ns(w->link));
}

void sending_input(struct world *w, const struct link_datagram *d)
{
    uint64_t now_ns = link_now_ns(w->link);
    struct wherry_packet p;

    if (wherry_packet_decode(&p, d->bytes, d->len) != RES_OK) {
        world_wrong(w, "the sender got %zu bytes that are no packet", d->len);
        return;
    }
    if (p.opcode == WHERRY_RRQ) {
        world_note(w, "                the request arrives");
        if (w->sender != NULL) {
            wherry_sender_repeat(w->sender, now_ns);
        } else if (sending_begin(w) != RES_OK) {
            world_wrong(w, "no memory");
        }
        return;
    }
    if (w->sender == NULL) {
        return; /* a port that nobody has opened yet */
    }
    if (wherry_sender_over(w->sender)) {
        wherry_receiver_unreachable(w->receiver);
        return;
    }
    if (p.opcode == WHERRY_OACK) {
        accept_oack(w, &p);
        return;
    }
    if (p.opcode == WHERRY_ACK) {
        uint64_t block = world_widen(w, p.block, w->acked);

        world_note(w, "                ACK %u arrives", (unsigned)p.block);
        if (block != UINT64_MAX && block > w->acked && block <= w->highest) {
            w->acked = block;
        }
    }
    wherry_sender_input(w->sender, &p, now_ns);
    if (wherry_sender_acked_blocks(w->sender) != w->acked) {
        world_wrong(w, "the sender believes ACK %" PRIu64 ", it was %" PRIu64,
                    wherry_sender_acked_blocks(w->sender), w->acked);
    }
}

uint64_t sending_next_ns(const struct world *w)
{
    uint64_t next_ns;
    struct wherry_burst b;

    if (w->sender == NULL) {
        return WHERRY_NEVER;
    }
    next_ns = wherry_sender_deadline(w->sender);
    if (w->writable_ns > link_now_ns(w->link) && wherry_sender_burst(w->sender, 1, &b) &&
        w->writable_ns < next_ns) {
        next_ns = w->writable_ns;
    }
    return next_ns;
}

void sending_wake(struct world *w)
{
    if (w->sender != NULL && wherry_sender_deadline(w->sender) <= link_now_ns(w->link)) {
        world_note(w, "the sender's clock");
        wherry_sender_expire(w->sender, link_now_ns(w->link));
    }
}
