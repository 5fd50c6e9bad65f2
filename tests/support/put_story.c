/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/put_story.h"

#include <string.h>

#include <wherry/frame.h>

void put_story_begin(struct scripted_tcp *s, const char *path, size_t len)
{
    scripted_tcp_take_put(s, path, len, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
}

void put_story_finish(struct scripted_tcp *s, const void *bytes, size_t len)
{
    scripted_tcp_take_data(s, bytes, len);
    scripted_tcp_take(s, TCP_END);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
}

void put_story(struct scripted_tcp *s, const char *path, const void *bytes, size_t len)
{
    put_story_begin(s, path, len);
    put_story_finish(s, bytes, len);
}

void put_story_directory(struct scripted_tcp *s, const char *path)
{
    scripted_tcp_take_path(s, TCP_MKDIR, path);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
}

void put_story_ready(struct scripted_tcp *s, uint64_t offset, const uint8_t *id)
{
    uint8_t payload[24];

    for (unsigned i = 0; i < 8; i++) {
        payload[i] = (uint8_t)(offset >> (56 - 8 * i));
    }
    memcpy(payload + 8, id, 16);
    scripted_tcp_frame(s, TCP_READY, 0, s->id, payload, sizeof(payload));
}
