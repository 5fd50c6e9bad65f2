/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/packets.h"

#include <string.h>

uint16_t packets_wire(uint64_t block, uint16_t rollover)
{
    if (block <= UINT16_MAX) {
        return (uint16_t)block;
    }
    /* Round after round of 0..65535, or of 1..65535. */
    return rollover == 0 ? (uint16_t)(block % 65536u) : (uint16_t)((block - 1u) % 65535u + 1u);
}

struct wherry_packet packets_ack(uint16_t wire)
{
    return (struct wherry_packet){.opcode = WHERRY_ACK, .block = wire};
}

struct wherry_packet packets_data(uint16_t wire, const uint8_t *bytes, size_t len)
{
    return (struct wherry_packet){
        .opcode = WHERRY_DATA, .block = wire, .bytes = {.bytes = bytes, .len = len}};
}

struct wherry_packet packets_error(uint16_t code, const char *text)
{
    return (struct wherry_packet){.opcode = WHERRY_ERROR,
                                  .code = code,
                                  .bytes = {.bytes = (const uint8_t *)text, .len = strlen(text)}};
}

struct wherry_packet packets_oack(const uint8_t *pairs, size_t len)
{
    return (struct wherry_packet){.opcode = WHERRY_OACK, .options = {.bytes = pairs, .len = len}};
}

struct wherry_packet packets_request(enum wherry_opcode opcode, const char *name)
{
    return (struct wherry_packet){
        .opcode = opcode,
        .request = {.name = {.bytes = (const uint8_t *)name, .len = strlen(name)},
                    .mode = WHERRY_OCTET}};
}
