/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/client_request.h"

#include <string.h>

#include "proto/wire_error.h"

_Static_assert(WHERRY_VALIDATOR_BYTES == WHERRY_UPLOAD_ID_BYTES, "one key holds either");

static enum res bad(const char **why, const char *text)
{
    *why = text;
    return RES_PROTOCOL;
}

/* What a parse of wherry/message.h said, with words for it. */
static enum res parsed(enum res r, const char **why, const char *malformed)
{
    if (r != RES_OK) {
        *why = r == RES_UNSUPPORTED ? "the server requires a tag that version 1 does not know"
                                    : malformed;
    }
    return r;
}

void client_request_init(struct client_request *r, uint8_t type, uint32_t id)
{
    *r = (struct client_request){.type = type, .id = id};
}

static void set_after(struct client_request *r, struct wherry_view name)
{
    r->after_len = name.len < sizeof(r->after) ? name.len : sizeof(r->after);
    if (r->after_len > 0) {
        memcpy(r->after, name.bytes, r->after_len);
    }
}

static void set_key(struct client_request *r, const uint8_t *key)
{
    if (key != NULL) {
        r->has_key = true;
        memcpy(r->key, key, sizeof(r->key));
    }
}

void client_request_set_list(struct client_request *r, const struct wherry_message_list *m)
{
    set_after(r, m->after);
}

void client_request_set_get(struct client_request *r, const struct wherry_message_get *m)
{
    r->offset = m->offset;
    r->count = m->count;
    set_key(r, m->if_match);
}

void client_request_set_put(struct client_request *r, const struct wherry_message_put *m)
{
    r->size = m->size;
    r->count = m->size;
    set_key(r, m->upload_id);
}

static enum res take_info(struct wherry_view payload, struct wherry_client_event *ret,
                          const char **why)
{
    ret->kind = WHERRY_CLIENT_INFO;
    return parsed(wherry_message_parse_info(&ret->info, payload), why, "a malformed INFO");
}

static enum res take_hash_reply(struct wherry_view payload, struct wherry_client_event *ret,
                                const char **why)
{
    ret->kind = WHERRY_CLIENT_HASH_REPLY;
    return parsed(wherry_message_parse_hash_reply(&ret->hash, payload), why,
                  "a malformed reply to HASH");
}

static enum res take_get_reply(struct client_request *r, struct wherry_view payload,
                               struct wherry_client_event *ret, const char **why)
{
    struct wherry_message_get_reply m;
    enum res result =
        parsed(wherry_message_parse_get_reply(&m, payload), why, "a malformed reply to GET");
    uint64_t there;

    if (result != RES_OK) {
        return result;
    }
    if (m.info.kind != WHERRY_KIND_FILE || m.info.size == WHERRY_SIZE_UNKNOWN) {
        return bad(why, "a reply to GET that is not about a file of known size");
    }
    if (r->has_key && memcmp(r->key, m.info.validator, sizeof(r->key)) != 0) {
        return bad(why, "a reply to GET for another version than if-match asked for");
    }
    if (m.offset != r->offset || m.offset > m.info.size) {
        return bad(why, "a reply to GET for another offset than was asked for");
    }
    there = m.info.size - m.offset;
    if (m.count != (r->count < there ? r->count : there)) {
        return bad(why, "a reply to GET whose count is not what was asked for and is there");
    }
    r->count = m.count;
    ret->kind = WHERRY_CLIENT_GET_REPLY;
    ret->get = m;
    return RES_OK;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Only what was kept under an id of ours can be gone on with. */
static enum res take_ready(struct client_request *r, struct wherry_view payload,
                           struct wherry_client_event *ret, const char **why)
{
    struct wherry_message_ready m;
    enum res result = parsed(wherry_message_parse_ready(&m, payload), why, "a malformed READY");
    bool resumes = r->has_key && !is_zero(r->key, sizeof(r->key));

    if (result != RES_OK) {
        return result;
    }
    if (resumes && memcmp(r->key, m.upload_id, sizeof(r->key)) != 0) {
        return bad(why, "READY for another upload than was asked for");
    }
    if ((!resumes && m.offset != 0) || m.offset > r->size) {
        return bad(why, "READY at an offset that cannot have been kept");
    }
    if (r->size != WHERRY_SIZE_UNKNOWN) {
        r->count = r->size - m.offset;
    }
    ret->kind = WHERRY_CLIENT_READY;
    ret->ready = m;
    return RES_OK;
}

enum res client_request_reply(struct client_request *r, const struct wherry_decoded *d,
                              struct wherry_client_event *ret, const char **why)
{
    enum res result;

    if (r->replied) {
        return bad(why, "a second reply to one request");
    }
    if (r->type == WHERRY_FRAME_STAT && d->frame.type == WHERRY_FRAME_INFO) {
        result = take_info(d->bytes, ret, why);
    } else if (r->type == WHERRY_FRAME_GET && d->frame.type == WHERRY_FRAME_GET_REPLY) {
        result = take_get_reply(r, d->bytes, ret, why);
    } else if (r->type == WHERRY_FRAME_PUT && d->frame.type == WHERRY_FRAME_READY) {
        result = take_ready(r, d->bytes, ret, why);
    } else if (r->type == WHERRY_FRAME_HASH && d->frame.type == WHERRY_FRAME_HASH_REPLY) {
        result = take_hash_reply(d->bytes, ret, why);
    } else {
        result = bad(why, "a reply of another type than the request has");
    }
    r->replied = result == RES_OK;
    return result;
}

/* Bytewise; what is the beginning of the other comes first. */
static bool is_beyond(const struct client_request *r, struct wherry_view name)
{
    size_t common = name.len < r->after_len ? name.len : r->after_len;
    int order = memcmp(name.bytes, r->after, common);

    return order != 0 ? order > 0 : name.len > r->after_len;
}

enum res client_request_entry(struct client_request *r, struct wherry_view *rest,
                              struct wherry_client_event *ret, const char **why)
{
    struct wherry_message_entry entry;

    if (wherry_message_next_entry(rest, &entry) != RES_OK) {
        return bad(why, "malformed ENTRIES, or a name in it that no listing may hold");
    }
    if (!is_beyond(r, entry.name)) {
        return bad(why, "a listing that is not sorted, or not beyond where it was to start");
    }
    set_after(r, entry.name);
    ret->kind = WHERRY_CLIENT_ENTRY;
    ret->request = r->id;
    ret->entry = entry;
    return RES_OK;
}

enum res client_request_data(struct client_request *r, const struct wherry_decoded *d,
                             struct wherry_client_event *ret, const char **why)
{
    if (r->type != WHERRY_FRAME_GET || !r->replied) {
        return bad(why, "DATA that no reply to GET came before");
    }
    if (d->first && d->frame.length > r->count) {
        return bad(why, "DATA beyond the count of the reply to GET");
    }
    if (d->bytes.len > 0) {
        ret->kind = WHERRY_CLIENT_BYTES;
        ret->bytes.offset = r->offset;
        ret->bytes.view = d->bytes;
        r->offset += d->bytes.len;
        r->count -= d->bytes.len;
    }
    return RES_OK;
}

static bool is_complete(const struct client_request *r, bool done)
{
    switch (r->type) {
    case WHERRY_FRAME_STAT:
    case WHERRY_FRAME_HASH:
        return r->replied;
    case WHERRY_FRAME_GET:
        return r->replied && r->count == 0;
    case WHERRY_FRAME_PUT:
        return r->replied && done;
    default:
        return true;
    }
}

enum res client_request_end(struct client_request *r, const struct wherry_decoded *d, bool done,
                            struct wherry_client_event *ret, const char **why)
{
    enum res result = client_request_read_end(d, &ret->end, why);

    if (result != RES_OK) {
        return result;
    }
    if (ret->end.status == WHERRY_STATUS_OK && !is_complete(r, done)) {
        return bad(why, "END that says OK before all was sent that belongs to it");
    }
    ret->kind = WHERRY_CLIENT_END;
    return RES_OK;
}

enum res client_request_read_end(const struct wherry_decoded *d, struct wherry_client_end *ret,
                                 const char **why)
{
    struct wherry_message_end_reply m;
    enum res result = parsed(wherry_message_parse_end_reply(&m, d->bytes), why, "a malformed END");

    if (result == RES_OK) {
        *ret = (struct wherry_client_end){
            .result = wire_error_from_status(d->frame.status),
            .status = d->frame.status,
            .text = m.text,
            .sha256 = m.sha256,
            .validator = m.validator,
        };
    }
    return result;
}
