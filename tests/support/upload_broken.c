/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/upload_broken.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/scratch.h"

const uint8_t id_a[WHERRY_UPLOAD_ID_BYTES] = {0xa};
const uint8_t id_b[WHERRY_UPLOAD_ID_BYTES] = {0xb};

struct upload_request broken_request(const uint8_t *id)
{
    struct upload_request q = story_request("file", 9);

    q.upload_id = id;
    return q;
}

void broken_begin_at(struct upload_story *st, size_t client, const struct upload_request *q,
                     uint64_t offset)
{
    assert_int_equal(story_begin(st, client, q), RES_OK);
    assert_int_equal(st->clients[client].offset, offset);
}

void broken_leave(struct upload_story *st, const struct upload_request *q)
{
    broken_begin_at(st, 0, q, 0);
    assert_int_equal(story_text(st, 0, "one"), RES_OK);
    story_break(st, 0);
}

void broken_finish(struct upload_story *st, const struct upload_request *q)
{
    broken_begin_at(st, 0, q, 3);
    assert_int_equal(story_text(st, 0, "twoend"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

void broken_never_opened(void *owner, enum res r, uint64_t offset,
                         const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    (void)owner;
    (void)r;
    (void)offset;
    (void)id;
    fail();
}
