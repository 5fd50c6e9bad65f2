/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/packet.h: the six TFTP packets, to and from bytes (RFC 1350 section 5, RFC 2347).
 *
 *   RRQ, WRQ   opcode 1, 2 | name NUL | mode NUL | (option NUL value NUL)*
 *   DATA       opcode 3    | block    | 0 to blksize bytes
 *   ACK        opcode 4    | block
 *   ERROR      opcode 5    | code     | text NUL
 *   OACK       opcode 6    | (option NUL value NUL)*
 *
 * Integers are 16 bits in network byte order. Decoding makes views into the datagram: nothing is
 * copied or allocated, and a packet is valid as long as the bytes it was decoded from. */
#ifndef WHERRY_PACKET_H
#define WHERRY_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#define WHERRY_HEADER_BYTES 4u      /* of DATA and ACK */
#define WHERRY_BLKSIZE_DEFAULT 512u /* RFC 1350 section 2 */
#define WHERRY_BLKSIZE_MIN 8u       /* RFC 2348 */
#define WHERRY_BLKSIZE_MAX 65464u

enum wherry_opcode {
    WHERRY_RRQ = 1,
    WHERRY_WRQ = 2,
    WHERRY_DATA = 3,
    WHERRY_ACK = 4,
    WHERRY_ERROR = 5,
    WHERRY_OACK = 6
};

/* Error codes of RFC 1350 (0 to 7) and RFC 2347 (8). */
enum wherry_error {
    WHERRY_ERROR_OTHER = 0,
    WHERRY_ERROR_NOT_FOUND = 1,
    WHERRY_ERROR_ACCESS = 2,
    WHERRY_ERROR_FULL = 3,
    WHERRY_ERROR_ILLEGAL = 4,
    WHERRY_ERROR_TID = 5,
    WHERRY_ERROR_EXISTS = 6,
    WHERRY_ERROR_USER = 7,
    WHERRY_ERROR_OPTIONS = 8
};

enum wherry_mode { WHERRY_OCTET, WHERRY_NETASCII };

/* len bytes that somebody else owns; not ended by NUL. */
struct wherry_view {
    const uint8_t *bytes;
    size_t len;
};

struct wherry_request {
    struct wherry_view name; /* as sent, without its NUL; may be empty */
    enum wherry_mode mode;
    struct wherry_view options; /* pairs, as wherry_options_parse() takes them */
};

struct wherry_packet {
    enum wherry_opcode opcode;
    uint16_t block;                /* DATA, ACK */
    uint16_t code;                 /* ERROR: any number, peers send odd ones */
    struct wherry_view bytes;      /* DATA: the block; ERROR: the text, not to be trusted */
    struct wherry_view options;    /* OACK */
    struct wherry_request request; /* RRQ, WRQ */
};

/* Takes a datagram apart. Accepted oddities, each with its test: ACK longer than 4 bytes, ERROR of
 * 4 bytes or without the last NUL, modes in any case, requests over 512 bytes, and behind the
 * options of a request or an OACK zero padding or an option name without a value (neither becomes
 * part of the view).
 * RES_PROTOCOL: too short, or a name or mode without its NUL; RES_UNSUPPORTED: unknown opcode,
 * unknown mode or `mail`; RES_OPTIONS: an option's text has no NUL, or its name is empty. On
 * failure *ret is untouched. */
enum res wherry_packet_decode(struct wherry_packet *ret, const uint8_t *datagram, size_t len);

/* The opcode of a datagram, known or not; 0 if it is shorter than 2 bytes. */
uint16_t wherry_packet_opcode(const uint8_t *datagram, size_t len);

/* Each writes one packet into buf and returns its length, or 0 if cap is too small.
 * name and text end at their NUL; text may be "". options: pairs made by the options module. */
size_t wherry_packet_request(uint8_t *buf, size_t cap, enum wherry_opcode opcode, const char *name,
                             enum wherry_mode mode, const uint8_t *options, size_t options_len);
size_t wherry_packet_ack(uint8_t *buf, size_t cap, uint16_t block);
size_t wherry_packet_error(uint8_t *buf, size_t cap, uint16_t code, const char *text);
size_t wherry_packet_oack(uint8_t *buf, size_t cap, const uint8_t *options, size_t options_len);
/* The four bytes in front of a block. */
void wherry_packet_data_header(uint8_t header[WHERRY_HEADER_BYTES], uint16_t block);

#endif
