/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/world.h"

#include <inttypes.h>

#define PATIENCE_NS (UINT64_C(3600) * 1000000000)

enum res receiving_begin(struct world *w)
{
    const struct scene *sc = w->scene;
    struct wherry_receiver_params p = {.patience_ns = PATIENCE_NS, .now_ns = link_now_ns(w->link)};

    wherry_agreed_init(&p.agreed);
    if (sc->upload) {
        p.opening = w->answer;
        p.opening_len = w->answer_len;
        p.agreed = sc->agreed;
    } else {
        p.opening = w->request;
        p.opening_len = w->request_len;
    }
    return wherry_receiver_new(&w->receiver, &p);
}

static void judge_ack(struct world *w, uint16_t wire)
{
    uint64_t block = world_widen(w, wire, w->stored);

    if (block == UINT64_MAX || block > w->stored) {
        world_wrong(w, "ACK %u, but only block %" PRIu64 " is stored", (unsigned)wire, w->stored);
        return;
    }
    if (block == scene_blocks(w->scene) && !w->committed) {
        world_wrong(w, "the last ACK leaves before the file has its name");
    }
    if (block < w->ack_highest) {
        world_wrong(w, "ACK %" PRIu64 " after ACK %" PRIu64, block, w->ack_highest);
    }
    w->ack_highest = block;
}

void receiving_flush(struct world *w)
{
    uint8_t datagram[LINK_DATAGRAM_MAX];
    uint64_t now_ns = link_now_ns(w->link);
    struct wherry_packet p;
    size_t len;

    if (w->receiver == NULL) {
        return;
    }
    while ((len = wherry_receiver_control(w->receiver, datagram, sizeof(datagram), now_ns)) > 0) {
        if (wherry_packet_decode(&p, datagram, len) != RES_OK) {
            world_wrong(w, "the receiver sends %zu bytes that are no packet", len);
            return;
        }
        if (p.opcode == WHERRY_ACK) {
            world_note(w, "                                ACK %u", (unsigned)p.block);
            judge_ack(w, p.block);
            w->acks_sent++;
        } else {
            world_note(w, "                                the receiver's opening, or an ERROR");
        }
        world_send(w, LINK_SENDER, datagram, len);
    }
    if (wherry_receiver_state(w->receiver) == WHERRY_RECEIVER_COMMITTING && !w->committed &&
        w->commit_at_ns == WHERRY_NEVER) {
        w->commit_at_ns = now_ns + w->scene->commit_ns;
    }
}

/* What came while the disk was busy is written in one go. */
static void store_next(struct world *w)
{
    if (w->store_at_ns == WHERRY_NEVER && w->taken > w->storing) {
        w->storing = w->taken;
        w->store_at_ns = link_now_ns(w->link) + chance_between(&w->chance, 0, w->scene->store_ns);
    }
}

static void take(struct world *w, const struct wherry_piece *piece)
{
    if (piece->block != w->taken + 1 || piece->offset != w->taken * w->scene->agreed.blksize) {
        world_wrong(w, "block %" PRIu64 " at %" PRIu64 " is to be stored behind block %" PRIu64,
                    piece->block, piece->offset, w->taken);
        return;
    }
    if (piece->last != (piece->block == scene_blocks(w->scene))) {
        world_wrong(w, "block %" PRIu64 " is%s said to be the last", piece->block,
                    piece->last ? "" : " not");
    }
    if (piece->block > w->stored + 2 * (uint64_t)w->scene->agreed.windowsize) {
        world_wrong(w, "block %" PRIu64 " is taken with only %" PRIu64 " stored", piece->block,
                    w->stored);
    }
    if (mem_file_write(&w->copy, piece->offset, piece->bytes.bytes, piece->bytes.len) != RES_OK) {
        world_wrong(w, "no memory");
    }
    w->taken = piece->block;
    store_next(w);
}

static void oack_arrives(struct world *w, const struct wherry_packet *p)
{
    struct wherry_options answered;
    struct wherry_agreed agreed;

    wherry_options_parse(&answered, p->options);
    if (wherry_options_accept(&w->asked, &answered, &agreed) != RES_OK) {
        world_wrong(w, "the client refuses the OACK");
        return;
    }
    wherry_receiver_agree(w->receiver, &agreed, link_now_ns(w->link));
}

void receiving_input(struct world *w, const struct link_datagram *d)
{
    uint64_t now_ns = link_now_ns(w->link);
    struct wherry_packet p;
    struct wherry_piece piece;

    if (wherry_packet_decode(&p, d->bytes, d->len) != RES_OK) {
        world_wrong(w, "the receiver got %zu bytes that are no packet", d->len);
        return;
    }
    if (p.opcode == WHERRY_WRQ) {
        world_note(w, "                                                the request arrives");
        if (w->receiver != NULL) {
            wherry_receiver_repeat(w->receiver, now_ns);
        } else if (receiving_begin(w) != RES_OK) {
            world_wrong(w, "no memory");
        }
        return;
    }
    if (w->receiver == NULL) {
        return;
    }
    if (wherry_receiver_over(w->receiver)) {
        wherry_sender_unreachable(w->sender);
        return;
    }
    if (p.opcode == WHERRY_OACK) {
        oack_arrives(w, &p); /* the first; to the receiver itself for the others */
    } else {
        world_note(w, "                                                DATA %u arrives",
                   (unsigned)p.block);
    }
    if (wherry_receiver_input(w->receiver, &p, now_ns, &piece) == WHERRY_STORE) {
        take(w, &piece);
    }
}

uint64_t receiving_next_ns(const struct world *w)
{
    uint64_t next_ns = w->store_at_ns < w->commit_at_ns ? w->store_at_ns : w->commit_at_ns;

    if (w->receiver != NULL && wherry_receiver_deadline(w->receiver) < next_ns) {
        next_ns = wherry_receiver_deadline(w->receiver);
    }
    return next_ns;
}

void receiving_wake(struct world *w)
{
    uint64_t now_ns = link_now_ns(w->link);

    if (w->receiver == NULL) {
        return;
    }
    if (w->store_at_ns <= now_ns) {
        w->store_at_ns = WHERRY_NEVER;
        w->stored = w->storing;
        wherry_receiver_stored(w->receiver, w->stored, now_ns);
        store_next(w);
    }
    if (w->commit_at_ns <= now_ns) {
        w->commit_at_ns = WHERRY_NEVER;
        w->committed = true;
        wherry_receiver_committed(w->receiver, now_ns);
    }
    if (wherry_receiver_deadline(w->receiver) <= now_ns) {
        world_note(w, "                                the receiver's clock");
        wherry_receiver_expire(w->receiver, now_ns);
    }
}
