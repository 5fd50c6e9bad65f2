/* SPDX-License-Identifier: BSD-2-Clause */
/* Records as bytes, and what may be asked of one without a file. */
#include "store/keep.h"

#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "base/bytes.h"

#define VERSION 1
#define FIXED_BYTES 110 /* all but the name and the sum */
#define NS_PER_S UINT64_C(1000000000)

_Static_assert(FIXED_BYTES + WHERRY_STRING_MAX + SHA256_DIGEST_LENGTH <= KEEP_PLACE_BYTES,
               "a record fits its place");

static const char magic[8] = {'W', 'H', 'R', 'Y', 'K', 'E', 'E', 'P'};

bool keep_same(const struct keep_facts *a, const struct keep_facts *b)
{
    return a->size == b->size && a->create == b->create && a->has_sha256 == b->has_sha256 &&
           (!a->has_sha256 || memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0) &&
           memcmp(a->network, b->network, sizeof(a->network)) == 0 && strcmp(a->name, b->name) == 0;
}

uint64_t keep_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return now.tv_sec > 0 ? (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec : 0;
}

uint64_t keep_age_ns(const struct keep_record *rec, uint64_t now_ns)
{
    return now_ns > rec->used_ns ? now_ns - rec->used_ns : 0;
}

void keep_encode(const struct keep_record *rec, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                 uint8_t ret[KEEP_PLACE_BYTES])
{
    struct bytes_writer w = {.start = ret, .cap = KEEP_PLACE_BYTES};

    memset(ret, 0, KEEP_PLACE_BYTES);
    bytes_put(&w, magic, sizeof(magic));
    bytes_put_u16(&w, VERSION);
    bytes_put_u8(&w, rec->facts.create ? WHERRY_PUT_CREATE : WHERRY_PUT_REPLACE);
    bytes_put_u8(&w, rec->facts.has_sha256);
    bytes_put_u64(&w, rec->sequence);
    bytes_put_u64(&w, rec->facts.size);
    bytes_put_u64(&w, rec->synced);
    bytes_put_u64(&w, rec->used_ns);
    bytes_put(&w, rec->facts.network, sizeof(rec->facts.network));
    bytes_put(&w, rec->facts.sha256, sizeof(rec->facts.sha256));
    bytes_put(&w, id, WHERRY_UPLOAD_ID_BYTES);
    bytes_put_string(&w, rec->facts.name, strlen(rec->facts.name));
    SHA256(ret, w.len, ret + w.len);
}

/* The numbers, in their order; false: not of this version. */
static bool get_numbers(struct bytes_reader *r, struct keep_record *rec)
{
    uint16_t version;
    uint8_t mode;
    uint8_t has;

    if (!bytes_get_u16(r, &version) || version != VERSION || !bytes_get_u8(r, &mode) ||
        !bytes_get_u8(r, &has) || !bytes_get_u64(r, &rec->sequence) ||
        !bytes_get_u64(r, &rec->facts.size) || !bytes_get_u64(r, &rec->synced) ||
        !bytes_get_u64(r, &rec->used_ns)) {
        return false;
    }
    rec->facts.create = mode == WHERRY_PUT_CREATE;
    rec->facts.has_sha256 = has != 0;
    return true;
}

enum res keep_decode(const uint8_t place[KEEP_PLACE_BYTES],
                     const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *ret)
{
    struct bytes_reader r = {.at = place, .left = KEEP_PLACE_BYTES};
    struct keep_record rec = {0};
    uint8_t sum[SHA256_DIGEST_LENGTH];
    const uint8_t *its_magic;
    const uint8_t *network;
    const uint8_t *sha256;
    const uint8_t *its_id;
    const uint8_t *its_sum;
    const uint8_t *name;
    size_t name_len;

    if (!bytes_get_view(&r, sizeof(magic), &its_magic) ||
        memcmp(its_magic, magic, sizeof(magic)) != 0 || !get_numbers(&r, &rec) ||
        !bytes_get_view(&r, sizeof(rec.facts.network), &network) ||
        !bytes_get_view(&r, sizeof(rec.facts.sha256), &sha256) ||
        !bytes_get_view(&r, WHERRY_UPLOAD_ID_BYTES, &its_id) ||
        memcmp(its_id, id, WHERRY_UPLOAD_ID_BYTES) != 0 ||
        !bytes_get_string(&r, &name, &name_len) || name_len > WHERRY_STRING_MAX ||
        !bytes_get_view(&r, sizeof(sum), &its_sum)) {
        return RES_PROTOCOL;
    }
    SHA256(place, (size_t)(its_sum - place), sum);
    if (memcmp(sum, its_sum, sizeof(sum)) != 0) {
        return RES_PROTOCOL;
    }
    memcpy(rec.facts.network, network, sizeof(rec.facts.network));
    memcpy(rec.facts.sha256, sha256, sizeof(rec.facts.sha256));
    memcpy(rec.facts.name, name, name_len);
    *ret = rec;
    return RES_OK;
}
