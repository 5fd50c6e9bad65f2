/* SPDX-License-Identifier: BSD-2-Clause */
/* client/stream.h: bytes into what cannot appear whole: standard output, a pipe, a device. It may
 * take nothing for as long as it likes; signals are heard meanwhile, the server is not. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/link.h"
#include "client/outcome.h"

struct stream {
    int fd;
    bool ours;      /* to close */
    size_t most;    /* bytes of a write that does not block once there is room */
    bool held_back; /* it made us wait, and the server may have lost patience */
};

/* fd stays the caller's. */
void stream_open(struct stream *s, int fd);
void stream_close(struct stream *s);
/* All of it; adds what was taken to *taken. False: *why, of side LOCAL without a detail, or what
 * the link says. */
bool stream_write(struct stream *s, struct link *l, const uint8_t *bytes, size_t len,
                  uint64_t *taken, struct outcome *why);

#endif
