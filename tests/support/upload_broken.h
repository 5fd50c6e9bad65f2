/* SPDX-License-Identifier: BSD-2-Clause */
/* support/upload_broken.h: uploads of nine bytes to root/file that break off after three and go on,
 * for the clients of support/upload_story.h. */
#ifndef SUPPORT_UPLOAD_BROKEN_H
#define SUPPORT_UPLOAD_BROKEN_H

#include "support/upload_story.h"

extern const uint8_t id_a[WHERRY_UPLOAD_ID_BYTES];
extern const uint8_t id_b[WHERRY_UPLOAD_ID_BYTES];

/* What is kept under id_a. */
#define RECORD_A "root/.wherry-r0a000000000000000000000000000000"
#define DATA_A "root/.wherry-u0a000000000000000000000000000000"

struct upload_request broken_request(const uint8_t *id);
/* Begins, and is to send from this offset on. */
void broken_begin_at(struct upload_story *st, size_t client, const struct upload_request *q,
                     uint64_t offset);
/* Sends three bytes of nine, and breaks off. */
void broken_leave(struct upload_story *st, const struct upload_request *q);
/* Sends the other six. */
void broken_finish(struct upload_story *st, const struct upload_request *q);
/* For opened() of an upload that is gone before: fails the test. */
void broken_never_opened(void *owner, enum res r, uint64_t offset,
                         const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);

#endif
