/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/message.h>

#include <string.h>

#include "base/bytes.h"
#include "proto/message_tag.h"

/* The known tags of one payload: where their values are, or NULL. */
struct tags {
    const uint8_t *value[MESSAGE_TAG_COUNT];
};

static struct bytes_reader read_payload(struct wherry_view payload)
{
    return (struct bytes_reader){.at = payload.bytes, .left = payload.len};
}

static bool get_string(struct bytes_reader *r, struct wherry_view *ret)
{
    return bytes_get_string(r, &ret->bytes, &ret->len);
}

static bool get_array(struct bytes_reader *r, uint8_t *ret, size_t len)
{
    const uint8_t *bytes;

    if (!bytes_get_view(r, len, &bytes)) {
        return false;
    }
    memcpy(ret, bytes, len);
    return true;
}

/* Goes on behind a tag that is not supported: what is malformed weighs more. */
static enum res get_tags(struct bytes_reader *r, struct tags *ret)
{
    enum res result = RES_OK;
    struct wherry_view value;
    uint8_t tag;

    *ret = (struct tags){0};
    while (r->left > 0) {
        if (!bytes_get_u8(r, &tag) || !get_string(r, &value)) {
            return RES_PROTOCOL;
        }
        if (tag >= MESSAGE_TAG_CRITICAL) {
            result = RES_UNSUPPORTED;
        } else if (tag < MESSAGE_TAG_COUNT && message_tag_bytes[tag] != 0) {
            if (value.len != message_tag_bytes[tag] || ret->value[tag] != NULL) {
                return RES_PROTOCOL;
            }
            ret->value[tag] = value.bytes;
        }
    }
    return result;
}

/* For messages that have no use for any known tag. */
static enum res skip_tags(struct bytes_reader *r)
{
    struct tags ignored;

    return get_tags(r, &ignored);
}

static bool holds_nul(struct wherry_view v)
{
    return v.len > 0 && memchr(v.bytes, 0, v.len) != NULL;
}

static bool equals(struct wherry_view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.bytes, text, v.len) == 0;
}

static bool component_is_allowed(struct wherry_view c)
{
    size_t prefix_len = strlen(WHERRY_TEMP_PREFIX);

    if (c.len == 0 || c.len > WHERRY_COMPONENT_MAX || equals(c, ".") || equals(c, "..")) {
        return false;
    }
    return c.len < prefix_len || memcmp(c.bytes, WHERRY_TEMP_PREFIX, prefix_len) != 0;
}

enum res wherry_message_check_path(struct wherry_view path)
{
    struct wherry_view rest = path;

    if (path.len > WHERRY_STRING_MAX || holds_nul(path)) {
        return RES_NAME;
    }
    while (path.len > 0) {
        const uint8_t *slash = memchr(rest.bytes, '/', rest.len);
        struct wherry_view component = rest;

        if (slash != NULL) {
            component.len = (size_t)(slash - rest.bytes);
        }
        if (!component_is_allowed(component)) {
            return RES_NAME;
        }
        if (slash == NULL) {
            break;
        }
        rest.bytes = slash + 1;
        rest.len -= component.len + 1;
    }
    return RES_OK;
}

enum res wherry_message_parse_hello(struct wherry_message_hello *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_hello m;
    const uint8_t *magic;
    enum res result;

    if (!bytes_get_view(&r, MESSAGE_MAGIC_BYTES, &magic) ||
        memcmp(magic, MESSAGE_MAGIC, MESSAGE_MAGIC_BYTES) != 0 || !bytes_get_u8(&r, &m.lowest) ||
        !bytes_get_u8(&r, &m.highest)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_path(struct wherry_message_path *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_path m;
    enum res result;

    if (!get_string(&r, &m.path)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        result = wherry_message_check_path(m.path);
    }
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_list(struct wherry_message_list *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_list m;
    enum res result;

    if (!get_string(&r, &m.path) || !get_string(&r, &m.after)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        result = wherry_message_check_path(m.path);
    }
    if (result == RES_OK && (m.after.len > WHERRY_STRING_MAX || holds_nul(m.after))) {
        result = RES_NAME;
    }
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_get(struct wherry_message_get *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_get m;
    struct tags tags;
    enum res result;

    if (!bytes_get_u64(&r, &m.offset) || !bytes_get_u64(&r, &m.count) || !get_string(&r, &m.path)) {
        return RES_PROTOCOL;
    }
    result = get_tags(&r, &tags);
    if (result == RES_OK) {
        result = wherry_message_check_path(m.path);
    }
    if (result == RES_OK) {
        m.if_match = tags.value[MESSAGE_TAG_VALIDATOR];
        *ret = m;
    }
    return result;
}

static enum res read_mode(uint8_t byte, struct wherry_message_put *m)
{
    uint8_t mode = (uint8_t)(byte & ~MESSAGE_MODE_FSYNC);

    if (mode != WHERRY_PUT_CREATE && mode != WHERRY_PUT_REPLACE) {
        return RES_UNSUPPORTED;
    }
    m->mode = (enum wherry_put_mode)mode;
    m->fsync = (byte & MESSAGE_MODE_FSYNC) != 0;
    return RES_OK;
}

enum res wherry_message_parse_put(struct wherry_message_put *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_put m;
    struct tags tags;
    uint8_t mode;
    enum res result;

    if (!bytes_get_u64(&r, &m.size) || !bytes_get_u8(&r, &mode) || !get_string(&r, &m.path)) {
        return RES_PROTOCOL;
    }
    result = get_tags(&r, &tags);
    if (result == RES_OK) {
        result = read_mode(mode, &m);
    }
    if (result == RES_OK) {
        result = wherry_message_check_path(m.path);
    }
    if (result == RES_OK) {
        m.sha256 = tags.value[MESSAGE_TAG_SHA256];
        m.upload_id = tags.value[MESSAGE_TAG_UPLOAD_ID];
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_end(struct wherry_message_end *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct tags tags;
    enum res result = get_tags(&r, &tags);

    if (result == RES_OK) {
        ret->sha256 = tags.value[MESSAGE_TAG_SHA256];
    }
    return result;
}

enum res wherry_message_parse_cancel(struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);

    return skip_tags(&r);
}

enum res wherry_message_parse_hello_reply(struct wherry_message_hello_reply *ret,
                                          struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_hello_reply m;
    const uint8_t *magic;
    enum res result;

    if (!bytes_get_view(&r, MESSAGE_MAGIC_BYTES, &magic) ||
        memcmp(magic, MESSAGE_MAGIC, MESSAGE_MAGIC_BYTES) != 0 || !bytes_get_u8(&r, &m.version) ||
        !bytes_get_u32(&r, &m.max_frame) || !bytes_get_u32(&r, &m.features) ||
        m.max_frame < WHERRY_MAX_FRAME_LOWEST || m.max_frame > WHERRY_MAX_FRAME_HIGHEST) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

/* What ENTRIES and INFO say of a file alike. */
static bool get_facts(struct bytes_reader *r, enum wherry_kind *ret_kind, uint64_t *ret_size,
                      uint64_t *ret_mtime_ns)
{
    uint8_t kind;

    if (!bytes_get_u8(r, &kind) || !bytes_get_u64(r, ret_size) || !bytes_get_u64(r, ret_mtime_ns)) {
        return false;
    }
    *ret_kind = (enum wherry_kind)kind;
    return kind == WHERRY_KIND_FILE || kind == WHERRY_KIND_DIRECTORY;
}

static bool get_info(struct bytes_reader *r, struct wherry_message_info *ret)
{
    return get_facts(r, &ret->kind, &ret->size, &ret->mtime_ns) &&
           get_array(r, ret->validator, sizeof(ret->validator));
}

enum res wherry_message_parse_info(struct wherry_message_info *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_info m;
    enum res result;

    if (!get_info(&r, &m)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_get_reply(struct wherry_message_get_reply *ret,
                                        struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_get_reply m;
    enum res result;

    if (!get_info(&r, &m.info) || !bytes_get_u64(&r, &m.offset) || !bytes_get_u64(&r, &m.count)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_ready(struct wherry_message_ready *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_ready m;
    enum res result;

    if (!bytes_get_u64(&r, &m.offset) || !get_array(&r, m.upload_id, sizeof(m.upload_id))) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

static bool get_message_text(struct bytes_reader *r, struct wherry_view *ret)
{
    return get_string(r, ret) && ret->len <= WHERRY_STRING_MAX && !holds_nul(*ret);
}

enum res wherry_message_parse_end_reply(struct wherry_message_end_reply *ret,
                                        struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_end_reply m;
    struct tags tags;
    enum res result;

    if (!get_message_text(&r, &m.text)) {
        return RES_PROTOCOL;
    }
    result = get_tags(&r, &tags);
    if (result == RES_OK) {
        m.sha256 = tags.value[MESSAGE_TAG_SHA256];
        m.validator = tags.value[MESSAGE_TAG_VALIDATOR];
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_hash_reply(struct wherry_message_hash_reply *ret,
                                         struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_hash_reply m;
    enum res result;

    if (!get_array(&r, m.validator, sizeof(m.validator)) ||
        !get_array(&r, m.sha256, sizeof(m.sha256))) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_parse_goaway(struct wherry_message_goaway *ret, struct wherry_view payload)
{
    struct bytes_reader r = read_payload(payload);
    struct wherry_message_goaway m;
    enum res result;

    if (!get_message_text(&r, &m.text) || !bytes_get_u32(&r, &m.retry_after_s)) {
        return RES_PROTOCOL;
    }
    result = skip_tags(&r);
    if (result == RES_OK) {
        *ret = m;
    }
    return result;
}

enum res wherry_message_next_entry(struct wherry_view *rest, struct wherry_message_entry *ret)
{
    struct bytes_reader r = read_payload(*rest);
    struct wherry_message_entry m;

    if (!get_facts(&r, &m.kind, &m.size, &m.mtime_ns) || !get_string(&r, &m.name) ||
        m.name.len == 0 || memchr(m.name.bytes, '/', m.name.len) != NULL ||
        wherry_message_check_path(m.name) != RES_OK) {
        return RES_PROTOCOL;
    }
    *ret = m;
    *rest = (struct wherry_view){.bytes = r.at, .len = r.left};
    return RES_OK;
}
