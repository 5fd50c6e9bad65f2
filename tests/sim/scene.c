/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/scene.h"

#include <inttypes.h>

#include "support/chance.h"

#define US UINT64_C(1000)
#define MS (1000 * US)

/* From lowest to highest, small ones as likely as large ones. */
static uint64_t draw_scaled(struct chance *c, uint64_t lowest, uint64_t highest)
{
    uint64_t top = lowest;

    while (top < highest && chance_happens(c, 850)) {
        top = 2 * top < highest ? 2 * top : highest;
    }
    return chance_between(c, lowest, top);
}

static uint64_t draw_blocks(struct chance *c, uint64_t seed)
{
    if (seed % 1000 == 999) {
        return chance_between(c, 131060, 131100); /* twice round */
    }
    if (seed % 200 == 99) {
        return chance_between(c, 65520, 66000); /* once round */
    }
    if (chance_happens(c, 500)) {
        return chance_between(c, 1, 20);
    }
    return chance_between(c, 1, chance_happens(c, 850) ? 300 : 2000);
}

/* Which of the network's vices a scene shows, and how much of them. */
struct vices {
    bool repeats_only;
    uint32_t most_permille;
};

static uint32_t draw_vice(struct chance *c, const struct vices *v, uint32_t usual_permille)
{
    if (v->repeats_only || !chance_happens(c, usual_permille)) {
        return 0;
    }
    return (uint32_t)chance_between(c, 0, v->most_permille);
}

static void draw_link(struct link_params *ret, struct chance *c, const struct vices *v)
{
    *ret = (struct link_params){.delay_ns = draw_scaled(c, 100 * US, 200 * MS)};
    ret->jitter_ns = chance_between(c, 0, ret->delay_ns / 4);
    ret->loss_permille[LINK_SENDER] = draw_vice(c, v, 800);
    ret->loss_permille[LINK_RECEIVER] = draw_vice(c, v, 800);
    ret->reorder_permille = draw_vice(c, v, 500);
    if (v->repeats_only || chance_happens(c, 600)) {
        ret->repeat_permille = (uint32_t)chance_between(c, 0, v->most_permille);
    }
}

static void draw_agreed(struct wherry_agreed *ret, struct chance *c, bool many_blocks)
{
    ret->windowsize = (uint16_t)(chance_happens(c, 300) ? 1 : draw_scaled(c, 1, 64));
    ret->blksize = many_blocks ? 8 : (uint16_t)draw_scaled(c, 8, 1428);
    ret->rollover = (uint16_t)chance_between(c, 0, 1);
    if (chance_happens(c, 150)) {
        ret->timeout_ns = chance_between(c, 1, 2) * 1000 * MS;
    }
}

void scene_draw(struct scene *ret, uint64_t seed)
{
    struct chance c;
    struct vices vices;
    uint64_t blocks;
    uint64_t blksize;
    bool many_blocks;

    chance_init(&c, seed);
    blocks = draw_blocks(&c, seed);
    many_blocks = blocks > 65000;
    *ret = (struct scene){.seed = seed,
                          .upload = chance_happens(&c, 500),
                          .options = many_blocks || chance_happens(&c, 750)};
    wherry_agreed_init(&ret->agreed);
    if (ret->options) {
        draw_agreed(&ret->agreed, &c, many_blocks);
    }
    blksize = ret->agreed.blksize;
    ret->length = (blocks - 1) * blksize;
    if (chance_happens(&c, 750)) {
        ret->length += chance_between(&c, 0, blksize - 1);
    }
    ret->length_known = chance_happens(&c, 700);
    vices = (struct vices){.repeats_only = seed % 10 == 0, .most_permille = many_blocks ? 20 : 300};
    draw_link(&ret->link, &c, &vices);
    ret->store_ns = chance_happens(&c, 500) ? draw_scaled(&c, 10 * US, 30 * MS) : 0;
    ret->commit_ns = chance_happens(&c, 500) ? draw_scaled(&c, 10 * US, 2000 * MS) : 0;
    ret->socket_permille = chance_happens(&c, 300) ? 200 : 0;
    ret->one_by_one = chance_happens(&c, 500);
}

void scene_print(const struct scene *sc, FILE *out)
{
    fprintf(out,
            "  %s, %s, blksize %u, windowsize %u, rollover %u, timeout %" PRIu64 " ms, %" PRIu64
            " bytes (%s), %" PRIu64 " blocks\n",
            sc->upload ? "upload" : "download", sc->options ? "options" : "plain",
            (unsigned)sc->agreed.blksize, (unsigned)sc->agreed.windowsize,
            (unsigned)sc->agreed.rollover, sc->agreed.timeout_ns / MS, sc->length,
            sc->length_known ? "known" : "unknown", scene_blocks(sc));
    fprintf(out,
            "  lost %u and %u, repeated %u, reordered %u of 1000; delay %" PRIu64
            " us, jitter %" PRIu64 " us; storing %" PRIu64 " us, naming %" PRIu64
            " us; partial sends %u of 1000, answers %s\n",
            (unsigned)sc->link.loss_permille[LINK_RECEIVER],
            (unsigned)sc->link.loss_permille[LINK_SENDER], (unsigned)sc->link.repeat_permille,
            (unsigned)sc->link.reorder_permille, sc->link.delay_ns / US, sc->link.jitter_ns / US,
            sc->store_ns / US, sc->commit_ns / US, (unsigned)sc->socket_permille,
            sc->one_by_one ? "one by one" : "in batches");
}

uint64_t scene_blocks(const struct scene *sc)
{
    return sc->length / sc->agreed.blksize + 1;
}

/* Lockstep without loss and reordering: each block once, however often the network repeats
 * datagrams (RFC 1123, 4.2.3.1); the slack is for clocks that ran out while the receiver stored.
 * Otherwise a window carries until its first block that is lost or overtaken, on average
 * q + q^2 + ... + q^w blocks, q being the share that arrives, and leaves anew when its ACK is lost.
 * Three times that is still far from what answering every ACK would cost. */
uint64_t scene_data_limit(const struct scene *sc)
{
    double torn = (sc->link.loss_permille[LINK_RECEIVER] + sc->link.reorder_permille) / 1000.0;
    double ack_lost = sc->link.loss_permille[LINK_SENDER] / 1000.0;
    double arrives = 1.0 - torn;
    double carried = 0.0;
    double whole = 1.0;
    double blocks = (double)scene_blocks(sc);
    unsigned w = sc->agreed.windowsize;

    if (w == 1 && torn == 0.0 && ack_lost == 0.0) {
        return scene_blocks(sc) + scene_blocks(sc) / 20 + 8;
    }
    for (unsigned i = 0; i < w; i++) {
        whole *= arrives;
        carried += whole;
    }
    return (uint64_t)(3.0 * blocks * w / carried / (1.0 - ack_lost)) + 12 * w + 12;
}
