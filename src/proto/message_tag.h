/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/message_tag.h: numbers that reading and writing of messages share: the tags and their
 * lengths, HELLO's first bytes, the bits of PUT's mode. */
#ifndef PROTO_MESSAGE_TAG_H
#define PROTO_MESSAGE_TAG_H

#include <stddef.h>

#include <wherry/message.h>

#define MESSAGE_MAGIC "WHRY"
#define MESSAGE_MAGIC_BYTES 4u
#define MESSAGE_MODE_FSYNC 0x80u

#define MESSAGE_TAG_CRITICAL 0x80u /* from here on who does not know a tag must refuse */

enum message_tag {
    MESSAGE_TAG_SHA256 = 1,
    MESSAGE_TAG_VALIDATOR = 2,
    MESSAGE_TAG_UPLOAD_ID = 3,
    MESSAGE_TAG_COUNT
};

/* By tag; 0: there is no such tag. */
static const size_t message_tag_bytes[MESSAGE_TAG_COUNT] = {
    [MESSAGE_TAG_SHA256] = WHERRY_SHA256_BYTES,
    [MESSAGE_TAG_VALIDATOR] = WHERRY_VALIDATOR_BYTES,
    [MESSAGE_TAG_UPLOAD_ID] = WHERRY_UPLOAD_ID_BYTES,
};

#endif
