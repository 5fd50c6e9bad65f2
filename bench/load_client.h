/* SPDX-License-Identifier: BSD-2-Clause */
/* load_client.h: one transfer of the load generator: a socket of its own, a core of libwherry, and
 * bytes that are known beforehand.
 *
 *   load_client_begin() -> readable(), expire() until LOAD_DONE or LOAD_FAILED -> load_client_end()
 *
 * A client leaves as soon as the last ACK is sent (a read) or has come (an upload), as boot ROMs
 * do. Once the server's port is known the socket is connected to it: the kernel then keeps
 * strangers away, and needs no route for each packet. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/receiver.h>
#include <wherry/res.h>
#include <wherry/sender.h>

#include "load_pattern.h"
#include "load_socket.h"

enum load_state {
    LOAD_RUNNING,
    LOAD_HELD, /* has the first block, and is told to stay there */
    LOAD_DONE,
    LOAD_FAILED
};

/* What all clients do. */
struct load_plan {
    bool upload;
    bool gro;         /* receive joined datagrams */
    bool in_segments; /* uploads: leave joined */
    bool quiet;       /* reads: once the server answered, no ACK leaves because of the clock */
    bool hold;        /* reads: stop at the first block */
    const char *name; /* file k is NAME-k */
    uint32_t files;   /* k is below this */
    uint64_t bytes;   /* of each file */
    uint16_t blksize; /* asked */
    uint16_t windowsize;
    uint64_t patience_ns;
    uint64_t loss; /* of 2^32 datagrams that arrive so many are thrown away */
    uint64_t seed;
    struct sockaddr_in server;
    uint8_t pairs[WHERRY_OPTIONS_BYTES]; /* the options as asked */
    size_t pairs_len;
    struct wherry_options asked;
    struct pattern pattern;
};

/* What happened to all of them. */
struct load_tally {
    uint64_t bytes;
    uint64_t requests_again; /* requests that left once more */
    uint64_t repeated;       /* ACKs or DATA that left once more */
    uint64_t thrown_away;    /* by our own loss */
    uint64_t wrong;          /* transfers with a byte that is not the file's */
    enum res first_failure;
    char first_error[128];       /* what the server said in the first ERROR; "": none */
    struct wherry_agreed agreed; /* of the last transfer that ended well */
};

struct load_client {
    int fd; /* -1: no transfer */
    bool connected;
    in_port_t server_port; /* once connected; network order */
    bool heard;
    bool wrong;
    bool held;
    uint32_t file;
    uint32_t requests;
    uint64_t chance;
    uint64_t begun_ns;
    struct wherry_agreed agreed;
    struct wherry_receiver *receiver; /* a read */
    struct wherry_sender *sender;     /* an upload */
};

/* Opens the socket and makes the core; nothing leaves yet. number: of the transfer, picks the file
 * and what is lost. */
enum res load_client_open(struct load_client *c, const struct load_plan *plan, uint64_t number,
                          uint64_t now_ns);
/* The request leaves. */
void load_client_begin(struct load_client *c, const struct load_plan *plan,
                       struct load_tally *tally, uint64_t now_ns);
/* Something arrived; or the deadline passed. */
enum load_state load_client_readable(struct load_client *c, const struct load_plan *plan,
                                     struct load_inbox *inbox, struct load_tally *tally,
                                     uint64_t now_ns);
enum load_state load_client_expire(struct load_client *c, const struct load_plan *plan,
                                   struct load_tally *tally, uint64_t now_ns);
uint64_t load_client_deadline(const struct load_client *c, const struct load_plan *plan);
/* Closes it, and adds it to the tally. True: every byte was moved and was right. */
bool load_client_end(struct load_client *c, const struct load_plan *plan, struct load_tally *tally);

#endif
