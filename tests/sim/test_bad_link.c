/* SPDX-License-Identifier: BSD-2-Clause */
/* Sender against receiver over a network that loses, repeats, delays and reorders.
 *
 *   test_bad_link           seeds 0 to 3999
 *   test_bad_link SEED      that one; with WHERRY_SIM_TRACE set, every datagram of it
 *   test_bad_link SEED N    N seeds from there */
#include <inttypes.h>
#include <stdlib.h>

#include "sim/world.h"

#define SEEDS 4000u
#define UNHEARD_PERCENT 5u /* openings lost five times over: rare even at 30 % loss */

struct totals {
    uint64_t seeds;
    uint64_t wrong;
    uint64_t last_ack_lost;
    uint64_t unheard;
    uint64_t datagrams;
    uint64_t blocks;
    uint64_t data_sent;
    uint64_t elapsed_ns;
    double worst; /* DATA sent as a share of what scene_data_limit() allows */
    uint64_t worst_seed;
};

static void count(struct totals *t, const struct scene *sc, const struct outcome_report *r)
{
    double share = (double)r->data_sent / (double)scene_data_limit(sc);

    t->seeds++;
    t->wrong += r->outcome == OUTCOME_WRONG ? 1 : 0;
    t->last_ack_lost += r->outcome == OUTCOME_LAST_ACK_LOST ? 1 : 0;
    t->unheard += r->outcome == OUTCOME_UNHEARD ? 1 : 0;
    t->datagrams += r->datagrams;
    t->blocks += scene_blocks(sc);
    t->data_sent += r->data_sent;
    t->elapsed_ns += r->elapsed_ns;
    if (share > t->worst) {
        t->worst = share;
        t->worst_seed = sc->seed;
    }
}

static void play(uint64_t seed, bool trace, struct totals *t)
{
    struct scene sc;
    struct outcome_report r;

    scene_draw(&sc, seed);
    if (trace) {
        scene_print(&sc, stdout);
    }
    world_play(&sc, trace, &r);
    count(t, &sc, &r);
    if (r.outcome == OUTCOME_WRONG) {
        printf("seed %" PRIu64 ": %s\n", seed, r.wrong);
        scene_print(&sc, stdout);
        printf("  WHERRY_SIM_TRACE=1 test_bad_link %" PRIu64 " shows it\n", seed);
    }
}

static bool read_number(const char *text, uint64_t *ret)
{
    char *end;

    *ret = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

int main(int argc, char **argv)
{
    uint64_t first = 0;
    uint64_t seeds = argc == 2 ? 1 : SEEDS;
    bool trace = argc == 2 && getenv("WHERRY_SIM_TRACE") != NULL;
    struct totals t = {.seeds = 0};

    if (argc > 3 || (argc > 1 && !read_number(argv[1], &first)) ||
        (argc > 2 && !read_number(argv[2], &seeds))) {
        fprintf(stderr, "usage: test_bad_link [SEED [COUNT]]\n");
        return 2;
    }
    for (uint64_t i = 0; i < seeds; i++) {
        play(first + i, trace, &t);
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " wrong, %" PRIu64 " last ACKs lost, %" PRIu64
           " never heard; %" PRIu64 " datagrams, %.1f h simulated; %.2f DATA for each block, "
           "seed %" PRIu64 " nearest to its limit (%.0f %%)\n",
           t.seeds, t.wrong, t.last_ack_lost, t.unheard, t.datagrams, (double)t.elapsed_ns / 3.6e12,
           (double)t.data_sent / (double)t.blocks, t.worst_seed, 100 * t.worst);
    if (seeds >= 100 && 100 * t.unheard > UNHEARD_PERCENT * t.seeds) {
        printf("more than %u %% were never heard\n", UNHEARD_PERCENT);
        return 1;
    }
    return t.wrong > 0 ? 1 : 0;
}
