/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/packets.h"

#define DAY_NS (UINT64_C(86400) * 1000000000)
#define STEPS_AT_ONE_MOMENT 10000u

void world_wrong(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->wrong[0] != '\0') {
        return; /* what follows is only its consequence */
    }
    va_start(args, format);
    vsnprintf(w->wrong, sizeof(w->wrong), format, args);
    va_end(args);
}

void world_note(const struct world *w, const char *format, ...)
{
    va_list args;

    if (!w->trace) {
        return;
    }
    printf("%12.3f ms  ", (double)link_now_ns(w->link) / 1e6);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void world_send(struct world *w, enum link_end to, const uint8_t *bytes, size_t len)
{
    uint64_t lost = link_lost(w->link);

    if (link_send(w->link, to, bytes, len) != RES_OK) {
        world_wrong(w, "more datagrams are on their way than any transfer needs");
    }
    if (link_lost(w->link) > lost) {
        world_note(w, "  (the network loses it)");
    }
}

uint64_t world_widen(const struct world *w, uint16_t wire, uint64_t near)
{
    for (uint64_t off = 0; off <= 200; off++) {
        if (packets_wire(near + off, w->scene->agreed.rollover) == wire) {
            return near + off;
        }
        if (off <= near && packets_wire(near - off, w->scene->agreed.rollover) == wire) {
            return near - off;
        }
    }
    return UINT64_MAX;
}

static size_t make_pairs(const struct scene *sc, uint8_t *pairs, size_t cap, bool asking)
{
    const struct wherry_agreed *a = &sc->agreed;
    size_t len = 0;

    if (!sc->options) {
        return 0;
    }
    len = wherry_options_append(pairs, len, cap, WHERRY_BLKSIZE, a->blksize);
    len = wherry_options_append(pairs, len, cap, WHERRY_WINDOWSIZE, a->windowsize);
    len = wherry_options_append(pairs, len, cap, WHERRY_ROLLOVER, a->rollover);
    if (a->timeout_ns > 0) {
        len = wherry_options_append(pairs, len, cap, WHERRY_TIMEOUT, a->timeout_ns / 1000000000);
    }
    if (sc->length_known) {
        len = wherry_options_append(pairs, len, cap, WHERRY_TSIZE,
                                    asking && !sc->upload ? 0 : sc->length);
    }
    return len;
}

static void make_openings(struct world *w)
{
    const struct scene *sc = w->scene;
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    size_t len = make_pairs(sc, pairs, sizeof(pairs), true);
    struct wherry_packet p;

    w->request_len =
        wherry_packet_request(w->request, sizeof(w->request), sc->upload ? WHERRY_WRQ : WHERRY_RRQ,
                              "boot/image", WHERRY_OCTET, pairs, len);
    if (w->request_len == 0 || wherry_packet_decode(&p, w->request, w->request_len) != RES_OK) {
        world_wrong(w, "the request cannot be made");
        return;
    }
    wherry_options_parse(&w->asked, p.request.options);
    len = make_pairs(sc, pairs, sizeof(pairs), false);
    if (len > 0) {
        w->answer_len = wherry_packet_oack(w->answer, sizeof(w->answer), pairs, len);
    } else if (sc->upload) {
        w->answer_len = wherry_packet_ack(w->answer, sizeof(w->answer), 0);
    }
}

static enum res world_begin(struct world *w, const struct scene *sc, bool trace)
{
    enum res r;

    *w = (struct world){
        .scene = sc, .trace = trace, .store_at_ns = WHERRY_NEVER, .commit_at_ns = WHERRY_NEVER};
    chance_init(&w->chance, ~sc->seed);
    mem_file_init(&w->file);
    mem_file_init(&w->copy);
    r = mem_file_fill(&w->file, sc->length, sc->seed);
    if (r == RES_OK) {
        r = link_new(&w->link, &sc->link, sc->seed);
    }
    if (r == RES_OK) {
        make_openings(w);
        r = sc->upload ? sending_begin(w) : receiving_begin(w);
    }
    return r;
}

static void world_end(struct world *w)
{
    wherry_sender_free(w->sender);
    wherry_receiver_free(w->receiver);
    link_free(w->link);
    mem_file_free(&w->file);
    mem_file_free(&w->copy);
}

static void flush(struct world *w)
{
    sending_flush(w);
    receiving_flush(w);
}

static void deliver(struct world *w)
{
    struct link_datagram d;

    while (w->wrong[0] == '\0' && link_receive(w->link, &d)) {
        if (d.to == LINK_SENDER) {
            sending_input(w, &d);
        } else {
            receiving_input(w, &d);
        }
        if (w->scene->one_by_one) {
            flush(w);
        }
    }
}

static bool both_over(const struct world *w)
{
    return (w->sender == NULL || wherry_sender_over(w->sender)) &&
           (w->receiver == NULL || wherry_receiver_over(w->receiver));
}

static uint64_t next_ns(const struct world *w)
{
    uint64_t at_ns = link_next_ns(w->link);

    if (sending_next_ns(w) < at_ns) {
        at_ns = sending_next_ns(w);
    }
    if (receiving_next_ns(w) < at_ns) {
        at_ns = receiving_next_ns(w);
    }
    return at_ns;
}

static void run(struct world *w)
{
    unsigned steps = 0;

    flush(w);
    while (w->wrong[0] == '\0' && !both_over(w)) {
        uint64_t at_ns = next_ns(w);

        if (at_ns == WHERRY_NEVER || at_ns > DAY_NS) {
            world_wrong(w, "nothing happens any more");
            return;
        }
        steps = at_ns > link_now_ns(w->link) ? 0 : steps + 1;
        if (steps > STEPS_AT_ONE_MOMENT) {
            world_wrong(w, "a deadline lies in the past and stays there");
            return;
        }
        link_wait(w->link, at_ns);
        deliver(w);
        sending_wake(w);
        receiving_wake(w);
        flush(w);
    }
}

/* One end never heard the other, and gave up after five sends. */
static bool unheard(const struct world *w)
{
    bool sender = w->sender != NULL && !wherry_sender_heard(w->sender) &&
                  wherry_sender_result(w->sender) == RES_TIMEOUT;
    bool receiver = w->receiver != NULL && !wherry_receiver_heard(w->receiver) &&
                    wherry_receiver_result(w->receiver) == RES_TIMEOUT;

    return (sender || receiver) && link_lost(w->link) >= WHERRY_SENDS_UNHEARD;
}

static enum outcome judge_end(struct world *w)
{
    uint64_t limit = scene_data_limit(w->scene);
    uint64_t differs;

    if (w->data_sent > limit) {
        world_wrong(w, "%" PRIu64 " DATA for %" PRIu64 " blocks, at most %" PRIu64 " are allowed",
                    w->data_sent, scene_blocks(w->scene), limit);
    }
    if (w->wrong[0] != '\0') {
        return OUTCOME_WRONG;
    }
    if (unheard(w)) {
        return OUTCOME_UNHEARD;
    }
    differs = mem_file_difference(&w->file, &w->copy);
    if (differs != UINT64_MAX || !w->committed) {
        world_wrong(w, "the copy differs at byte %" PRIu64 " or has no name", differs);
    } else if (wherry_receiver_result(w->receiver) != RES_OK) {
        world_wrong(w, "the receiver ends with: %s",
                    wherry_res_text(wherry_receiver_result(w->receiver)));
    } else if (wherry_sender_result(w->sender) == RES_OK) {
        return OUTCOME_DONE;
    } else if (w->scene->upload && wherry_sender_result(w->sender) == RES_UNREACHABLE &&
               wherry_sender_all_sent(w->sender)) {
        return OUTCOME_LAST_ACK_LOST;
    } else {
        world_wrong(w, "the sender ends with: %s",
                    wherry_res_text(wherry_sender_result(w->sender)));
    }
    return OUTCOME_WRONG;
}

void world_play(const struct scene *sc, bool trace, struct outcome_report *ret)
{
    struct world w;

    *ret = (struct outcome_report){.outcome = OUTCOME_WRONG};
    if (world_begin(&w, sc, trace) != RES_OK) {
        world_wrong(&w, "no memory");
    } else {
        run(&w);
        ret->outcome = judge_end(&w);
        ret->datagrams = link_sent(w.link);
        ret->elapsed_ns = link_now_ns(w.link);
    }
    ret->data_sent = w.data_sent;
    ret->acks_sent = w.acks_sent;
    memcpy(ret->wrong, w.wrong, sizeof(ret->wrong));
    world_end(&w);
}
