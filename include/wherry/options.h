/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/options.h: option negotiation (RFC 2347; blksize RFC 2348, timeout and tsize RFC 2349,
 * windowsize RFC 7440; blksize2, utimeout and rollover as tftp-hpa has them).
 *
 *   option      lowest   highest        answer of a server
 *   blksize          8    65464         min(asked, blksize_max, what the path carries)
 *   blksize2         8    65464         as blksize, then the largest power of two not above it
 *   timeout          1      255 s       exactly as asked, or left out
 *   utimeout    10,000  255,000,000 us  exactly as asked, or left out
 *   tsize            0    2^63-1        read, octet: the size; write: the announced size
 *   rollover         0        1         as asked: the number that follows block 65535
 *   windowsize       1    65535         min(asked, windowsize_max, window_bytes_max / blksize, ...)
 *
 * A value outside its range, or one that is not a plain decimal number, is left out and the
 * transfer goes on without it. An answer never holds an option that was not asked or a value
 * larger than asked; each option once, in the order asked, spelt as asked. Of blksize and blksize2
 * (timeout and utimeout) only one is answered, the first that can be. An answer of tsize=0 to a
 * read is given only when nothing else is: curl fails on it. */
#ifndef WHERRY_OPTIONS_H
#define WHERRY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

/* More would make a repeated block and a new one look alike in 16 bits. */
#define WHERRY_WINDOWSIZE_MAX 32767u
#define WHERRY_OPTIONS_BYTES 320u /* room enough for every option's name and value */

enum wherry_option {
    WHERRY_BLKSIZE,
    WHERRY_BLKSIZE2,
    WHERRY_TIMEOUT,
    WHERRY_UTIMEOUT,
    WHERRY_TSIZE,
    WHERRY_ROLLOVER,
    WHERRY_WINDOWSIZE,
    WHERRY_OPTION_COUNT
};

/* What was asked (or answered): the known options, in order, each at its first appearance. */
struct wherry_options {
    size_t unknown; /* options that we do not know */
    size_t count;
    struct {
        enum wherry_option option;
        struct wherry_view name; /* as the peer spelt it */
        uint64_t value;
        bool valid; /* a plain decimal number within lowest and highest */
    } item[WHERRY_OPTION_COUNT];
};

/* What both sides go by from now on. Without any option: 512, 1, no timeout, rollover 0. */
struct wherry_agreed {
    uint16_t blksize;
    uint16_t windowsize;
    uint16_t rollover;   /* the number after block 65535: 0 or 1 */
    uint64_t timeout_ns; /* 0: none agreed, use the estimate */
    bool tsize_known;
    uint64_t tsize; /* bytes */
};

/* What a server is willing to grant to this request. */
struct wherry_offer {
    uint16_t blksize_max;      /* 8 to 65464 */
    uint16_t blksize_path;     /* what the path carries in one packet; 0: no clamp */
    uint16_t windowsize_max;   /* 1 to WHERRY_WINDOWSIZE_MAX */
    uint32_t window_bytes_max; /* bytes of one window; one block is always granted */
    uint32_t receive_buffer;   /* uploads: bytes our socket holds; 0: no clamp */
    bool timeout_declined;     /* leave timeout and utimeout out */
    uint32_t refused;          /* set of 1u << enum wherry_option that are never granted */
    bool tsize_offered;        /* read: size is known and the mode octet; write: always */
    uint64_t size;             /* read: of the file, bytes */
};

/* The wire name in lower case: "blksize". */
const char *wherry_option_name(enum wherry_option option);
/* Finds the option of that name, in any case. False: unknown. */
bool wherry_option_find(enum wherry_option *ret, const char *name);

/* Takes pairs apart. Unknown options are counted, an empty value is not valid, a name without a
 * value and what follows it are skipped. */
void wherry_options_parse(struct wherry_options *ret, struct wherry_view pairs);
/* The valid value of an option; false if it was not there or not valid. */
bool wherry_options_value(const struct wherry_options *o, enum wherry_option option, uint64_t *ret);

/* The server's side: what of `asked` is granted, as pairs for the OACK. Returns their length,
 * 0 if no option is left (then no OACK is sent). Writes at most WHERRY_OPTIONS_BYTES. */
size_t wherry_options_answer(const struct wherry_options *asked, enum wherry_opcode request,
                             const struct wherry_offer *offer, struct wherry_agreed *ret,
                             uint8_t pairs[WHERRY_OPTIONS_BYTES]);

/* The client's side: appends one pair at pairs + len; returns the new length, or len unchanged if
 * cap does not hold it. */
size_t wherry_options_append(uint8_t *pairs, size_t len, size_t cap, enum wherry_option option,
                             uint64_t value);
/* Judges an OACK against what we asked. RES_OPTIONS: an option that was not asked (or that nobody
 * knows), a value that is not valid, a blksize, blksize2 or windowsize larger than asked, a
 * timeout, utimeout or rollover other than asked, or two options that say the same. RFC 2347:
 * answer ERROR 8 and give up. *ret is written on RES_OK. */
enum res wherry_options_accept(const struct wherry_options *asked,
                               const struct wherry_options *answered, struct wherry_agreed *ret);
/* What holds without options. */
void wherry_agreed_init(struct wherry_agreed *ret);

#endif
