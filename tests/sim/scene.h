/* SPDX-License-Identifier: BSD-2-Clause */
/* sim/scene.h: what one seed stands for: who sends what to whom, over which network. */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <wherry/options.h>

#include "support/link.h"

struct scene {
    uint64_t seed;
    bool upload;  /* the client sends; else the server does */
    bool options; /* the server answers with an OACK; else agreed holds the defaults */
    struct wherry_agreed agreed;
    uint64_t length;
    bool length_known; /* to the sender, from the beginning */
    struct link_params link;
    uint64_t store_ns;        /* storing what came takes up to this long */
    uint64_t commit_ns;       /* giving the file its name takes this long */
    uint32_t socket_permille; /* how often the sender's socket takes only a part */
    bool one_by_one;          /* each datagram is answered before the next is read */
};

void scene_draw(struct scene *ret, uint64_t seed);
void scene_print(const struct scene *sc, FILE *out);
/* Blocks that carry the stream, the short or empty last one included. */
uint64_t scene_blocks(const struct scene *sc);
/* DATA blocks that a correct sender may need, generously; see scene.c. */
uint64_t scene_data_limit(const struct scene *sc);

#endif
