/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/message.h>

#include <string.h>

#include "base/bytes.h"
#include "proto/message_tag.h"

/* A payload begins behind the header, which is written last, when its length is known. */
static struct bytes_writer begin(uint8_t *buf, size_t cap)
{
    struct bytes_writer w = {.start = buf, .cap = cap};
    uint8_t room[WHERRY_FRAME_HEADER_BYTES] = {0};

    bytes_put(&w, room, sizeof(room));
    return w;
}

static size_t finish_status(const struct bytes_writer *w, enum wherry_frame_type type, uint32_t id,
                            enum wherry_status status)
{
    size_t len = bytes_written(w);

    if (len > 0) {
        wherry_frame_write(w->start, &(struct wherry_frame){
                                         .length = (uint32_t)(len - WHERRY_FRAME_HEADER_BYTES),
                                         .type = (uint8_t)type,
                                         .status = (uint16_t)status,
                                         .id = id,
                                     });
    }
    return len;
}

static size_t finish(const struct bytes_writer *w, enum wherry_frame_type type, uint32_t id)
{
    return finish_status(w, type, id, WHERRY_STATUS_OK);
}

static void put_string(struct bytes_writer *w, struct wherry_view string)
{
    if (string.len > WHERRY_STRING_MAX) {
        w->failed = true;
        return;
    }
    bytes_put_string(w, string.bytes, string.len);
}

/* value: NULL for a tag that is left out. */
static void put_tag(struct bytes_writer *w, enum message_tag tag, const uint8_t *value)
{
    if (value != NULL) {
        bytes_put_u8(w, (uint8_t)tag);
        bytes_put_string(w, value, message_tag_bytes[tag]);
    }
}

size_t wherry_message_write_hello(uint8_t *buf, size_t cap, const struct wherry_message_hello *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put(&w, MESSAGE_MAGIC, MESSAGE_MAGIC_BYTES);
    bytes_put_u8(&w, m->lowest);
    bytes_put_u8(&w, m->highest);
    return finish(&w, WHERRY_FRAME_HELLO, 0);
}

size_t wherry_message_write_path(uint8_t *buf, size_t cap, enum wherry_frame_type type, uint32_t id,
                                 const struct wherry_message_path *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_string(&w, m->path);
    return finish(&w, type, id);
}

size_t wherry_message_write_list(uint8_t *buf, size_t cap, uint32_t id,
                                 const struct wherry_message_list *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_string(&w, m->path);
    put_string(&w, m->after);
    return finish(&w, WHERRY_FRAME_LIST, id);
}

size_t wherry_message_write_get(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_get *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put_u64(&w, m->offset);
    bytes_put_u64(&w, m->count);
    put_string(&w, m->path);
    put_tag(&w, MESSAGE_TAG_VALIDATOR, m->if_match);
    return finish(&w, WHERRY_FRAME_GET, id);
}

size_t wherry_message_write_put(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_put *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put_u64(&w, m->size);
    bytes_put_u8(&w, (uint8_t)((unsigned)m->mode | (m->fsync ? MESSAGE_MODE_FSYNC : 0)));
    put_string(&w, m->path);
    put_tag(&w, MESSAGE_TAG_SHA256, m->sha256);
    put_tag(&w, MESSAGE_TAG_UPLOAD_ID, m->upload_id);
    return finish(&w, WHERRY_FRAME_PUT, id);
}

size_t wherry_message_write_end(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_end *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_tag(&w, MESSAGE_TAG_SHA256, m->sha256);
    return finish(&w, WHERRY_FRAME_END, id);
}

size_t wherry_message_write_cancel(uint8_t *buf, size_t cap, uint32_t id)
{
    struct bytes_writer w = begin(buf, cap);

    return finish(&w, WHERRY_FRAME_CANCEL, id);
}

size_t wherry_message_write_ping(uint8_t *buf, size_t cap, enum wherry_frame_type type,
                                 struct wherry_view bytes)
{
    struct bytes_writer w = begin(buf, cap);

    if (bytes.len > WHERRY_FRAME_PING_MAX) {
        return 0;
    }
    bytes_put(&w, bytes.bytes, bytes.len);
    return finish(&w, type, 0);
}

size_t wherry_message_write_hello_reply(uint8_t *buf, size_t cap,
                                        const struct wherry_message_hello_reply *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put(&w, MESSAGE_MAGIC, MESSAGE_MAGIC_BYTES);
    bytes_put_u8(&w, m->version);
    bytes_put_u32(&w, m->max_frame);
    bytes_put_u32(&w, m->features);
    return finish(&w, WHERRY_FRAME_HELLO_REPLY, 0);
}

static void put_info(struct bytes_writer *w, const struct wherry_message_info *m)
{
    bytes_put_u8(w, (uint8_t)m->kind);
    bytes_put_u64(w, m->size);
    bytes_put_u64(w, m->mtime_ns);
    bytes_put(w, m->validator, sizeof(m->validator));
}

size_t wherry_message_write_info(uint8_t *buf, size_t cap, uint32_t id,
                                 const struct wherry_message_info *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_info(&w, m);
    return finish(&w, WHERRY_FRAME_INFO, id);
}

size_t wherry_message_write_get_reply(uint8_t *buf, size_t cap, uint32_t id,
                                      const struct wherry_message_get_reply *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_info(&w, &m->info);
    bytes_put_u64(&w, m->offset);
    bytes_put_u64(&w, m->count);
    return finish(&w, WHERRY_FRAME_GET_REPLY, id);
}

size_t wherry_message_write_ready(uint8_t *buf, size_t cap, uint32_t id,
                                  const struct wherry_message_ready *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put_u64(&w, m->offset);
    bytes_put(&w, m->upload_id, sizeof(m->upload_id));
    return finish(&w, WHERRY_FRAME_READY, id);
}

size_t wherry_message_write_end_reply(uint8_t *buf, size_t cap, uint32_t id,
                                      enum wherry_status status,
                                      const struct wherry_message_end_reply *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_string(&w, m->text);
    put_tag(&w, MESSAGE_TAG_SHA256, m->sha256);
    put_tag(&w, MESSAGE_TAG_VALIDATOR, m->validator);
    return finish_status(&w, WHERRY_FRAME_END_REPLY, id, status);
}

size_t wherry_message_write_hash_reply(uint8_t *buf, size_t cap, uint32_t id,
                                       const struct wherry_message_hash_reply *m)
{
    struct bytes_writer w = begin(buf, cap);

    bytes_put(&w, m->validator, sizeof(m->validator));
    bytes_put(&w, m->sha256, sizeof(m->sha256));
    return finish(&w, WHERRY_FRAME_HASH_REPLY, id);
}

size_t wherry_message_write_goaway(uint8_t *buf, size_t cap, enum wherry_status status,
                                   const struct wherry_message_goaway *m)
{
    struct bytes_writer w = begin(buf, cap);

    put_string(&w, m->text);
    bytes_put_u32(&w, m->retry_after_s);
    return finish_status(&w, WHERRY_FRAME_GOAWAY, 0, status);
}

void wherry_message_entries_begin(struct wherry_message_entries *e, uint8_t *buf, size_t cap)
{
    *e = (struct wherry_message_entries){
        .buf = buf,
        .cap = cap,
        .len = WHERRY_FRAME_HEADER_BYTES,
    };
}

bool wherry_message_entries_add(struct wherry_message_entries *e,
                                const struct wherry_message_entry *entry)
{
    struct bytes_writer w = {.start = e->buf, .len = e->len, .cap = e->cap};

    if (e->cap < e->len || entry->name.len > WHERRY_COMPONENT_MAX) {
        return false;
    }
    bytes_put_u8(&w, (uint8_t)entry->kind);
    bytes_put_u64(&w, entry->size);
    bytes_put_u64(&w, entry->mtime_ns);
    put_string(&w, entry->name);
    if (w.failed) {
        return false;
    }
    e->len = w.len;
    return true;
}

size_t wherry_message_entries_end(struct wherry_message_entries *e, uint32_t id)
{
    struct bytes_writer w = {.start = e->buf, .len = e->len, .cap = e->cap};

    return e->len > WHERRY_FRAME_HEADER_BYTES ? finish(&w, WHERRY_FRAME_ENTRIES, id) : 0;
}
