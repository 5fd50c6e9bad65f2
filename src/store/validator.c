/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA256() of libcrypto 3 looks its algorithm up each time, which takes locks and three times as
 * long as the hashing; and it can fail. The calls of 1.1.1, which do neither, have to be asked for
 * by name. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "store/validator.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define LAYOUT_BYTES 56u /* seven numbers of 8 bytes */
#define SECOND_NS UINT64_C(1000000000)

_Static_assert(WHERRY_VALIDATOR_BYTES <= SHA256_DIGEST_LENGTH, "a digest is cut, never padded");

void validator_make(const struct stat *st, uint8_t ret[WHERRY_VALIDATOR_BYTES])
{
    uint8_t layout[LAYOUT_BYTES];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX sha;
    struct bytes_writer w = {.start = layout, .cap = sizeof(layout)};

    bytes_put_u64(&w, (uint64_t)st->st_dev);
    bytes_put_u64(&w, (uint64_t)st->st_ino);
    bytes_put_u64(&w, (uint64_t)st->st_size);
    bytes_put_u64(&w, (uint64_t)st->st_mtim.tv_sec);
    bytes_put_u64(&w, (uint64_t)st->st_mtim.tv_nsec);
    bytes_put_u64(&w, (uint64_t)st->st_ctim.tv_sec);
    bytes_put_u64(&w, (uint64_t)st->st_ctim.tv_nsec);
    (void)SHA256_Init(&sha); /* none of the three ever fails */
    (void)SHA256_Update(&sha, layout, sizeof(layout));
    (void)SHA256_Final(digest, &sha);
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
