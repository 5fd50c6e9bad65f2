/* SPDX-License-Identifier: BSD-2-Clause */
/* client/tftp_asks.h: which options a request asks for. */
#ifndef CLIENT_TFTP_ASKS_H
#define CLIENT_TFTP_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/options.h>

#include "net/addr.h"

/* 0 leaves an option out. */
struct tftp_asks {
    uint16_t blksize;
    uint16_t windowsize;
    uint16_t timeout_s;
    bool tsize;
    uint64_t size; /* with tsize: 0 for a read */
};

/* The largest block that the route to the server carries in one packet. */
uint16_t tftp_asks_blksize(const struct addr *server);
/* As much of `wanted` as the socket can hold: a larger window would lose its tail every time. */
uint16_t tftp_asks_windowsize(int fd, uint16_t wanted, uint16_t blksize);
/* The pairs of the request; returns their length. */
size_t tftp_asks_write(const struct tftp_asks *a, uint8_t pairs[WHERRY_OPTIONS_BYTES]);

#endif
