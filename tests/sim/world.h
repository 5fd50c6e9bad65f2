/* SPDX-License-Identifier: BSD-2-Clause */
/* sim/world.h: a sender and a receiver, the thin adapters that a program would put around them,
 * and the network between; with a witness who counts every datagram by itself and knows what may
 * be on the wire. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/receiver.h>
#include <wherry/sender.h>

#include "sim/scene.h"
#include "support/chance.h"
#include "support/link.h"
#include "support/mem_file.h"

enum outcome {
    OUTCOME_DONE,          /* both ends say so */
    OUTCOME_LAST_ACK_LOST, /* the file is there; the client that sent it never heard so */
    OUTCOME_UNHEARD,       /* five openings, or all their answers, were lost */
    OUTCOME_WRONG
};

struct world {
    const struct scene *scene;
    struct link *link;
    struct chance chance;
    struct mem_file file;             /* what is sent */
    struct mem_file copy;             /* what was received */
    struct wherry_sender *sender;     /* NULL in a server that was not asked yet */
    struct wherry_receiver *receiver; /* the same */
    uint8_t request[512];
    size_t request_len;
    uint8_t answer[512]; /* OACK, or ACK 0; none in a plain read */
    size_t answer_len;
    struct wherry_options asked; /* views into request */
    bool trace;

    /* the sender's adapter */
    uint64_t writable_ns; /* its socket is full until then */
    /* the receiver's adapter */
    uint64_t taken;        /* in memory up to this block */
    uint64_t storing;      /* on its way to the disk up to this block; stored at store_at_ns */
    uint64_t store_at_ns;  /* WHERRY_NEVER: the disk is idle */
    uint64_t commit_at_ns; /* WHERRY_NEVER: not yet begun, or done */
    bool committed;
    /* the witness */
    uint64_t acked;       /* newest block whose ACK reached the sender */
    uint64_t highest;     /* newest block that left */
    uint64_t stored;      /* newest block reported as stored */
    uint64_t ack_highest; /* newest block acknowledged by the receiver */
    uint64_t data_sent;
    uint64_t acks_sent;
    char wrong[200]; /* the first thing that was not as it must be; "" while all is well */
};

struct outcome_report {
    enum outcome outcome;
    uint64_t datagrams;
    uint64_t data_sent;
    uint64_t acks_sent;
    uint64_t elapsed_ns;
    char wrong[200];
};

/* Plays one scene to its end. */
void world_play(const struct scene *sc, bool trace, struct outcome_report *ret);

void world_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_note(const struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_send(struct world *w, enum link_end to, const uint8_t *bytes, size_t len);
/* The block nearest to `near` that carries this number, counted out one by one; UINT64_MAX: none
 * within 200 blocks. Made without the codec's own widening, to judge it. */
uint64_t world_widen(const struct world *w, uint16_t wire, uint64_t near);

/* sim/sending.c */
enum res sending_begin(struct world *w);
void sending_flush(struct world *w);
void sending_input(struct world *w, const struct link_datagram *d);
uint64_t sending_next_ns(const struct world *w);
void sending_wake(struct world *w);
/* sim/receiving.c */
enum res receiving_begin(struct world *w);
void receiving_flush(struct world *w);
void receiving_input(struct world *w, const struct link_datagram *d);
uint64_t receiving_next_ns(const struct world *w);
void receiving_wake(struct world *w);

#endif
