/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/validator.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define LAYOUT_BYTES 56u /* seven numbers of 8 bytes */
#define SECOND_NS UINT64_C(1000000000)

_Static_assert(WHERRY_VALIDATOR_BYTES <= SHA256_DIGEST_LENGTH, "a digest is cut, never padded");

/* A byte that depends on all of the layout: FNV-1a, another one for each lane. The second round
 * carries the last bytes up to where the result is taken from. */
static uint8_t mix(const uint8_t layout[LAYOUT_BYTES], uint8_t lane)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ lane;

    for (size_t i = 0; i < 2 * (size_t)LAYOUT_BYTES; i++) {
        sum = (sum ^ layout[i % LAYOUT_BYTES]) * UINT64_C(0x100000001b3);
    }
    return (uint8_t)(sum >> 56);
}

void validator_make(const struct stat *st, uint8_t ret[WHERRY_VALIDATOR_BYTES])
{
    uint8_t layout[LAYOUT_BYTES];
    uint8_t digest[SHA256_DIGEST_LENGTH] = {0};
    struct bytes_writer w = {.start = layout, .cap = sizeof(layout)};

    bytes_put_u64(&w, (uint64_t)st->st_dev);
    bytes_put_u64(&w, (uint64_t)st->st_ino);
    bytes_put_u64(&w, (uint64_t)st->st_size);
    bytes_put_u64(&w, (uint64_t)st->st_mtim.tv_sec);
    bytes_put_u64(&w, (uint64_t)st->st_mtim.tv_nsec);
    bytes_put_u64(&w, (uint64_t)st->st_ctim.tv_sec);
    bytes_put_u64(&w, (uint64_t)st->st_ctim.tv_nsec);
    if (SHA256(layout, sizeof(layout), digest) == NULL) {
        /* libcrypto had no memory: still another value for another version. That it is not the one
         * of the next time costs a client no more than fetching the file again. */
        for (uint8_t lane = 0; lane < WHERRY_VALIDATOR_BYTES; lane++) {
            digest[lane] = mix(layout, lane);
        }
    }
    memcpy(ret, digest, WHERRY_VALIDATOR_BYTES);
}

uint64_t validator_mtime_ns(const struct stat *st)
{
    uint64_t seconds = (uint64_t)st->st_mtim.tv_sec;

    if (st->st_mtim.tv_sec < 0) {
        return 0;
    }
    if (seconds >= UINT64_MAX / SECOND_NS) {
        return UINT64_MAX; /* after the year 2554 */
    }
    return seconds * SECOND_NS + (uint64_t)st->st_mtim.tv_nsec;
}

void validator_info(const struct stat *st, struct wherry_message_info *ret)
{
    bool directory = S_ISDIR(st->st_mode);

    ret->kind = directory ? WHERRY_KIND_DIRECTORY : WHERRY_KIND_FILE;
    ret->size = directory ? 0 : (uint64_t)st->st_size;
    ret->mtime_ns = validator_mtime_ns(st);
    validator_make(st, ret->validator);
}
