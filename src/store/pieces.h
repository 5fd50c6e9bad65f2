/* SPDX-License-Identifier: BSD-2-Clause */
/* store/pieces.h: pieces of open files, shared by all who read the same file, so that small bursts
 * need no system call each.
 *
 * A piece is 64 KiB and begins 48 KiB behind the one before, so that any burst of up to 16 KiB lies
 * in one; a larger one may take two. It is read on the spot, or, when it is not in memory, by the
 * pool, once for all who want it meanwhile.
 *
 * No mixture: the file's stat is looked at after a piece was read, before any byte of it is given
 * away (store/reader.h), so that a piece holds bytes of the version its reader was opened at, and
 * no others, however old it gets. A reader gives away no byte of another version either. So one
 * transfer sees one version, or it ends with RES_CHANGED: at the latest when it wants a byte that
 * no fresh piece has.
 *
 * Nothing stale: who comes later has seen the stat of now and shares a reader only if it is the
 * same (store/files.h). Where equal stamps may yet hide a rewrite (the file is not settled,
 * store/version.h) pieces are not used at all. What no stamp tells in time (stores through a shared
 * mapping, a network file system) is bounded by PIECES_FRESH_NS: after that a piece is read anew.
 *
 * Bounded: PIECES_BYTES for all. Only a piece that is no longer fresh, or of which a transfer has
 * had the end, makes room for another, the least recently used first; so readers at more places
 * than there is room for do not read 64 KiB for each of their blocks: they read their bytes
 * straight from the file, and what the pool has to fetch for them it fetches for one alone. */
#ifndef STORE_PIECES_H
#define STORE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/reader.h"

#define PIECES_BYTES ((size_t)4 << 20)
#define PIECES_FRESH_NS UINT64_C(100000000)
#define PIECE_BYTES 65536u
#define PIECE_STRIDE 49152u
#define PIECE_BURST (PIECE_BYTES - PIECE_STRIDE) /* any span of so many bytes lies in one */

struct piece;

/* Those of a loop. */
struct pieces {
    struct loop *loop;
    struct pool *pool;
    struct piece *recent; /* a list, the most recently used first */
    size_t bytes;
    uint64_t full_ns; /* when nothing could make room; 0: something may since */
};

/* Those of an open file. */
struct piece_file {
    struct reader *reader;
    struct piece *first;
};

/* Who reads. All zero but ready and owner before the first use. */
struct piece_wait {
    struct piece_wait *prev, *next; /* prev NULL: waits for nothing */
    struct piece *piece; /* held: it loads, or was loaded for us and we have not asked since */
    void (*ready)(void *owner); /* from the loop; may end any wait */
    void *owner;
};

/* len bytes from offset (offset + len <= reader_size()) into `to`. `small`: others will want what
 * lies around them soon. RES_OK: there. RES_LATER: ready() comes, then ask again for the same.
 * RES_CHANGED, RES_IO, RES_NO_MEMORY. */
enum res pieces_read(struct pieces *all, struct piece_file *f, uint64_t offset, uint8_t *to,
                     size_t len, bool small, struct piece_wait *w);
/* Nobody waits any more. What is being loaded stays for others. */
void pieces_forget(struct piece_wait *w);

/* The file is closed, and nobody waits for a piece of it. A load that runs holds the reader. */
void pieces_drop(struct piece_file *f);
/* Frees the pieces that are not fresh any more. */
void pieces_expire(struct pieces *all);

#endif
