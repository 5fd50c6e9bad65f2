/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/frame.h: the frames of the Wherry file protocol, version 1, to and from a stream.
 *
 *   0       4      5       6        8    12
 *   | length | type | flags | status | id | length bytes of payload
 *
 * Integers are unsigned, in network byte order. length is that of the payload: at most 4 KiB until
 * HELLO has come; then max_frame for DATA and for all that the server sends, 64 KiB for a client's
 * other frames. So the first byte is always 0, and a stranger that speaks HTTP, TLS or SSH is told
 * apart at once. Bit 7 of the type is set in what only the server sends; DATA and PING go both
 * ways. Flags are sent as 0 and ignored. The status is 0 except in the server's END and GOAWAY.
 *
 * The decoder is fed bytes as they come, cut or joined anywhere, and answers one thing at a time:
 *
 *   HEADER --12 bytes, DATA--> DATA    --its last byte--> HEADER
 *   HEADER --12 bytes, else--> PAYLOAD --its last byte--> HEADER
 *   HEADER --12 bytes, of a server, id 0, unknown type--> SKIP --its last byte--> HEADER
 *   any    --what no rule allows, or no memory--> BAD, for good
 *
 * Bytes of DATA are handed on where they lie and are never kept. Any other payload is gathered in
 * the decoder's buffer, which grows with the bytes that came, never with a length that was only
 * announced, so a stranger makes us hold at most twice what it sent. What is skipped is neither
 * kept nor told: a later version of the server may say things to the connection that this one does
 * not know. */
#ifndef WHERRY_FRAME_H
#define WHERRY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#define WHERRY_PROTOCOL_VERSION 1u
#define WHERRY_FRAME_HEADER_BYTES 12u

/* Lengths of payloads. */
#define WHERRY_FRAME_HELLO_MAX 4096u   /* of every frame before and including HELLO */
#define WHERRY_FRAME_CLIENT_MAX 65536u /* of a client's frames other than HELLO and DATA */
#define WHERRY_FRAME_PING_MAX 64u      /* of PING and its reply */
#define WHERRY_MAX_FRAME_LOWEST 65536u /* max_frame, which the server says in its HELLO */
#define WHERRY_MAX_FRAME_HIGHEST 0xffffffu
#define WHERRY_MAX_FRAME_DEFAULT 1048576u
#define WHERRY_FRAME_DATA_DEFAULT 262144u /* what we send in one DATA, if max_frame allows it */

enum wherry_frame_type {
    WHERRY_FRAME_HELLO = 0x01,
    WHERRY_FRAME_LIST = 0x02,
    WHERRY_FRAME_STAT = 0x03,
    WHERRY_FRAME_GET = 0x04,
    WHERRY_FRAME_PUT = 0x05,
    WHERRY_FRAME_DATA = 0x06, /* both ways */
    WHERRY_FRAME_END = 0x07,  /* a client's: closes its PUT */
    WHERRY_FRAME_CANCEL = 0x08,
    WHERRY_FRAME_PING = 0x09, /* both ways */
    WHERRY_FRAME_HASH = 0x0a,
    WHERRY_FRAME_MKDIR = 0x0b,
    WHERRY_FRAME_HELLO_REPLY = 0x81,
    WHERRY_FRAME_ENTRIES = 0x82,
    WHERRY_FRAME_INFO = 0x83,
    WHERRY_FRAME_GET_REPLY = 0x84,
    WHERRY_FRAME_READY = 0x85,
    WHERRY_FRAME_END_REPLY = 0x87,  /* the server's: how a request ended */
    WHERRY_FRAME_PING_REPLY = 0x89, /* both ways */
    WHERRY_FRAME_HASH_REPLY = 0x8a,
    WHERRY_FRAME_GOAWAY = 0x8f
};

/* What END and GOAWAY of a server say. */
enum wherry_status {
    WHERRY_STATUS_OK = 0,
    WHERRY_STATUS_PROTOCOL = 1,
    WHERRY_STATUS_NOT_FOUND = 2,
    WHERRY_STATUS_DENIED = 3,
    WHERRY_STATUS_TOO_LARGE = 4,
    WHERRY_STATUS_EXISTS = 5,
    WHERRY_STATUS_NO_SPACE = 6,
    WHERRY_STATUS_NAME = 7,
    WHERRY_STATUS_RANGE = 8,
    WHERRY_STATUS_DIGEST = 9,
    WHERRY_STATUS_IO = 10,
    WHERRY_STATUS_BUSY = 11,
    WHERRY_STATUS_CHANGED = 12,
    WHERRY_STATUS_UNSUPPORTED = 13,
    WHERRY_STATUS_AUTH = 14, /* reserved */
    WHERRY_STATUS_TIMEOUT = 15,
    WHERRY_STATUS_CANCELLED = 16,
    WHERRY_STATUS_SHUTDOWN = 17,
    WHERRY_STATUS_IS_DIR = 18,
    WHERRY_STATUS_OFFSET = 19,
    WHERRY_STATUS_COUNT
};

/* A header, without its flags. */
struct wherry_frame {
    uint32_t length;
    uint8_t type;
    uint16_t status;
    uint32_t id; /* of the request it belongs to; 0: the connection itself */
};

void wherry_frame_write(uint8_t header[WHERRY_FRAME_HEADER_BYTES], const struct wherry_frame *f);
/* Takes a header as it is, without any judgement. */
void wherry_frame_read(struct wherry_frame *ret, const uint8_t header[WHERRY_FRAME_HEADER_BYTES]);
/* LIST, STAT, GET, PUT, HASH, MKDIR: what ends with one END of the server. */
bool wherry_frame_is_request(uint8_t type);

enum wherry_frame_sender { WHERRY_FROM_CLIENT, WHERRY_FROM_SERVER };

enum wherry_decoder_state {
    WHERRY_DECODER_HEADER,  /* between frames, or within a header */
    WHERRY_DECODER_PAYLOAD, /* of a frame other than DATA */
    WHERRY_DECODER_DATA,
    WHERRY_DECODER_SKIP,
    WHERRY_DECODER_BAD
};

/* All of it is the decoder's; use the functions. */
struct wherry_frame_decoder {
    enum wherry_frame_sender sender;
    enum wherry_decoder_state state;
    bool hello_due;
    bool piece_due; /* of this DATA frame nothing was handed on yet */
    uint32_t max_frame;
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    size_t header_len;
    struct wherry_frame frame;
    uint32_t taken; /* bytes of its payload */
    uint8_t *buffer;
    size_t cap;
    enum res result;
    const char *why;
};

enum wherry_decoded_kind {
    WHERRY_DECODED_MORE,  /* all bytes are used, and the next frame is not whole */
    WHERRY_DECODED_WHOLE, /* a frame other than DATA */
    WHERRY_DECODED_DATA,  /* a piece of a DATA frame */
    WHERRY_DECODED_BAD    /* the connection is lost; so is every later call */
};

struct wherry_decoded {
    enum wherry_decoded_kind kind;
    struct wherry_frame frame; /* WHOLE, DATA: its header */
    /* WHOLE: the payload, in the decoder until its next call. DATA: a view into the input, which
     * is empty if only the header is here or nothing comes. */
    struct wherry_view bytes;
    bool first;      /* DATA: the frame begins; said as soon as its header is whole */
    bool last;       /* DATA: the frame ends with this piece */
    enum res result; /* BAD: RES_PROTOCOL or RES_NO_MEMORY */
    const char *why; /* BAD: what is wrong and what is allowed, in words; static storage */
};

/* Reads the frames of one side. max_frame: 64 KiB to 2^24-1. expect_hello: the stream begins here,
 * and nothing but the sender's HELLO may be first (a server's END, GOAWAY or PING of id 0 may come
 * before it: that is how it refuses a connection). Else HELLO lies behind us. */
void wherry_frame_decoder_init(struct wherry_frame_decoder *d, enum wherry_frame_sender sender,
                               uint32_t max_frame, bool expect_hello);
/* Releases the buffer; what init made may also be left without it if it was never fed. */
void wherry_frame_decoder_clear(struct wherry_frame_decoder *d);
/* What the server's HELLO said; holds from the next header on. A client begins with the highest. */
void wherry_frame_decoder_set_max(struct wherry_frame_decoder *d, uint32_t max_frame);

/* Takes bytes up to the next thing that can be said and says it. Returns how many it used; the
 * caller comes back with the others, at once or when it likes. How the bytes were cut changes only
 * the pieces that a DATA frame comes in.
 *
 * Bad from the header alone, as soon as the byte that is wrong is there: a first byte other than 0,
 * a length over its limit, an unknown type (a server's only with an id or before HELLO), the other
 * side's type, something else before HELLO, a second HELLO, an id that has to be 0 (HELLO, PING,
 * GOAWAY) or must not be (all others but END of a server), PING over 64 bytes. */
size_t wherry_frame_decode(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                           struct wherry_decoded *ret);

/* Where the stream stands, for deadlines: whether a frame was begun and is not whole. */
bool wherry_frame_decoder_midway(const struct wherry_frame_decoder *d);
/* The header of the frame that is not whole, or NULL: none, or its header is not whole either. */
const struct wherry_frame *wherry_frame_decoder_current(const struct wherry_frame_decoder *d);

#endif
