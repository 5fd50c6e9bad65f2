/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/message.h: the payloads of the frames of wherry/frame.h, to and from bytes.
 *
 *   type          payload (numbers in bytes)
 *   HELLO         "WHRY", lowest version 1, highest version 1
 *   HELLO_REPLY   "WHRY", version 1, max_frame 4, features 4
 *   LIST          path, start-after string
 *   ENTRIES       (kind 1, size 8, mtime 8, name string)*
 *   STAT          path
 *   INFO          kind 1, size 8, mtime 8, validator 16
 *   GET           offset 8, count 8, path, [validator]
 *   GET_REPLY     INFO's, offset 8, count 8
 *   PUT           size 8, mode 1, path, [sha256], [upload id]
 *   READY         offset 8, upload id 16
 *   END           [sha256]
 *   END_REPLY     message string, [sha256], [validator]
 *   CANCEL        nothing
 *   PING, its reply    up to 64 bytes of any kind
 *   HASH          path
 *   HASH_REPLY    validator 16, sha256 32
 *   MKDIR         path
 *   GOAWAY        message string, retry-after 4
 *
 * A string is a length of 2 bytes and that many bytes. Behind the fields may come tagged values, as
 * tag 1, length 2, value: 0x01 sha256 (32 bytes), 0x02 validator (16), 0x03 upload id (16). Unknown
 * tags are skipped below 0x80 and refused from there on. ENTRIES, PING and DATA have no tags: their
 * payload is taken to its end. A known tag that a message has no use for is checked and ignored.
 *
 * Parsing makes views into the payload: nothing is copied but fields of fixed size, and nothing is
 * allocated. Each parse answers, by order if there is more than one:
 *
 *   RES_PROTOCOL      shorter than its fields; a string or tag that goes beyond the payload; a
 * known tag of the wrong length, or twice; from a server also what it must never send
 *   RES_UNSUPPORTED   an unknown tag from 0x80 on; an unknown mode of PUT
 *   RES_NAME          a path or start-after that is never allowed
 *
 * and on failure *ret is untouched. RES_PROTOCOL ends the connection, the others the request. */
#ifndef WHERRY_MESSAGE_H
#define WHERRY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#define WHERRY_STRING_MAX 1024u   /* bytes of a path, a start-after string or a message */
#define WHERRY_COMPONENT_MAX 255u /* bytes between two slashes of a path; of a name in ENTRIES */
#define WHERRY_TEMP_PREFIX ".wherry-" /* no component begins so: ours, of uploads in progress */

#define WHERRY_SHA256_BYTES 32u
#define WHERRY_VALIDATOR_BYTES 16u
#define WHERRY_UPLOAD_ID_BYTES 16u

#define WHERRY_SIZE_UNKNOWN UINT64_MAX /* PUT: the client's END decides */
#define WHERRY_COUNT_ALL UINT64_MAX    /* GET: to the end of the file */

/* Room for any frame but ENTRIES and DATA: the largest is a LIST with two strings. */
#define WHERRY_MESSAGE_BYTES (WHERRY_FRAME_HEADER_BYTES + 2u * (2u + WHERRY_STRING_MAX))

enum wherry_kind { WHERRY_KIND_FILE = 1, WHERRY_KIND_DIRECTORY = 2 };

enum wherry_put_mode {
    WHERRY_PUT_CREATE = 1, /* new names only */
    WHERRY_PUT_REPLACE = 2 /* new or existing */
};

struct wherry_message_hello {
    uint8_t lowest;
    uint8_t highest; /* below lowest: no version is common to anybody */
};

struct wherry_message_hello_reply {
    uint8_t version;
    uint32_t max_frame; /* parsed: 64 KiB to 2^24-1, all else is RES_PROTOCOL */
    uint32_t features;  /* all 0 in version 1 */
};

/* STAT, HASH, MKDIR. The empty path is the root. */
struct wherry_message_path {
    struct wherry_view path;
};

struct wherry_message_list {
    struct wherry_view path;
    struct wherry_view after; /* names up to and with this are left out; empty: none */
};

struct wherry_message_get {
    uint64_t offset;
    uint64_t count;
    struct wherry_view path;
    const uint8_t *if_match; /* a validator, or NULL */
};

struct wherry_message_put {
    uint64_t size;
    enum wherry_put_mode mode;
    bool fsync;
    struct wherry_view path;
    const uint8_t *sha256;    /* or NULL */
    const uint8_t *upload_id; /* NULL: not to be kept; all zeros: "give me one" */
};

/* A client's. */
struct wherry_message_end {
    const uint8_t *sha256; /* or NULL */
};

struct wherry_message_entry {
    enum wherry_kind kind;
    uint64_t size;
    uint64_t mtime_ns;       /* since 1970 */
    struct wherry_view name; /* one component of a path */
};

struct wherry_message_info {
    enum wherry_kind kind;
    uint64_t size;
    uint64_t mtime_ns; /* since 1970 */
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
};

struct wherry_message_get_reply {
    struct wherry_message_info info;
    uint64_t offset;
    uint64_t count; /* what the DATA frames that follow add up to */
};

struct wherry_message_ready {
    uint64_t offset; /* to go on from */
    uint8_t upload_id[WHERRY_UPLOAD_ID_BYTES];
};

/* A server's; the status is in the header of the frame. */
struct wherry_message_end_reply {
    struct wherry_view text;
    const uint8_t *sha256;    /* or NULL */
    const uint8_t *validator; /* or NULL */
};

struct wherry_message_hash_reply {
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    uint8_t sha256[WHERRY_SHA256_BYTES];
};

struct wherry_message_goaway {
    struct wherry_view text;
    uint32_t retry_after_s;
};

/* RES_NAME: an empty, `.` or `..` component (so also a slash at either end), one over 255 bytes or
 * that begins with `.wherry-`, a NUL, over 1024 bytes. RES_OK: the empty path, which is the root,
 * and all else: bytes are not looked at, and `\` is a character of a name. */
enum res wherry_message_check_path(struct wherry_view path);

/* A client's frames. HELLO: anything but "WHRY" is RES_PROTOCOL; versions are not judged. LIST:
 * start-after need not exist and is only compared, so it is refused only for a NUL and over 1024
 * bytes. */
enum res wherry_message_parse_hello(struct wherry_message_hello *ret, struct wherry_view payload);
enum res wherry_message_parse_path(struct wherry_message_path *ret, struct wherry_view payload);
enum res wherry_message_parse_list(struct wherry_message_list *ret, struct wherry_view payload);
enum res wherry_message_parse_get(struct wherry_message_get *ret, struct wherry_view payload);
enum res wherry_message_parse_put(struct wherry_message_put *ret, struct wherry_view payload);
enum res wherry_message_parse_end(struct wherry_message_end *ret, struct wherry_view payload);
enum res wherry_message_parse_cancel(struct wherry_view payload);

/* A server's frames. RES_PROTOCOL too: a kind other than file or directory, a text over 1024 bytes
 * or with a NUL. */
enum res wherry_message_parse_hello_reply(struct wherry_message_hello_reply *ret,
                                          struct wherry_view payload);
enum res wherry_message_parse_info(struct wherry_message_info *ret, struct wherry_view payload);
enum res wherry_message_parse_get_reply(struct wherry_message_get_reply *ret,
                                        struct wherry_view payload);
enum res wherry_message_parse_ready(struct wherry_message_ready *ret, struct wherry_view payload);
enum res wherry_message_parse_end_reply(struct wherry_message_end_reply *ret,
                                        struct wherry_view payload);
enum res wherry_message_parse_hash_reply(struct wherry_message_hash_reply *ret,
                                         struct wherry_view payload);
enum res wherry_message_parse_goaway(struct wherry_message_goaway *ret, struct wherry_view payload);
/* Walks an ENTRIES payload: call while rest->len > 0. Takes one entry off the front of *rest.
 * RES_PROTOCOL: cut short, or a name that no listing may hold (one component that passes
 * wherry_message_check_path()), so that a hostile server cannot name what lies elsewhere. */
enum res wherry_message_next_entry(struct wherry_view *rest, struct wherry_message_entry *ret);

/* Each writes one whole frame, header and payload, into buf and returns its length; 0 if cap is too
 * small or a string is over 1024 bytes. WHERRY_MESSAGE_BYTES is always enough. Paths are not
 * judged: wherry_message_check_path() is. */
size_t wherry_message_write_hello(uint8_t *buf, size_t cap, const struct wherry_message_hello *m);
/* type: STAT, HASH or MKDIR. */
size_t wherry_message_write_path(uint8_t *buf, size_t cap, enum wherry_frame_type type, uint32_t id,
                                 const struct wherry_message_path *m);
size_t wherry_message_write_list(uint8_t *buf, size_t cap, uint32_t id,
                                 const struct wherry_message_list *m);
size_t wherry_message_write_get(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_get *m);
size_t wherry_message_write_put(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_put *m);
size_t wherry_message_write_end(uint8_t *buf, size_t cap, uint32_t id,
                                const struct wherry_message_end *m);
size_t wherry_message_write_cancel(uint8_t *buf, size_t cap, uint32_t id);
/* type: PING or PING_REPLY. 0 also if there are more than 64 bytes. */
size_t wherry_message_write_ping(uint8_t *buf, size_t cap, enum wherry_frame_type type,
                                 struct wherry_view bytes);

size_t wherry_message_write_hello_reply(uint8_t *buf, size_t cap,
                                        const struct wherry_message_hello_reply *m);
size_t wherry_message_write_info(uint8_t *buf, size_t cap, uint32_t id,
                                 const struct wherry_message_info *m);
size_t wherry_message_write_get_reply(uint8_t *buf, size_t cap, uint32_t id,
                                      const struct wherry_message_get_reply *m);
size_t wherry_message_write_ready(uint8_t *buf, size_t cap, uint32_t id,
                                  const struct wherry_message_ready *m);
/* id 0: the connection ends so. */
size_t wherry_message_write_end_reply(uint8_t *buf, size_t cap, uint32_t id,
                                      enum wherry_status status,
                                      const struct wherry_message_end_reply *m);
size_t wherry_message_write_hash_reply(uint8_t *buf, size_t cap, uint32_t id,
                                       const struct wherry_message_hash_reply *m);
size_t wherry_message_write_goaway(uint8_t *buf, size_t cap, enum wherry_status status,
                                   const struct wherry_message_goaway *m);

/* An ENTRIES frame that is filled entry by entry. cap: of the whole frame, so at most
 * WHERRY_FRAME_HEADER_BYTES + max_frame; with less than the header nothing ever fits. */
struct wherry_message_entries {
    uint8_t *buf;
    size_t cap;
    size_t len; /* so far, header included */
};

void wherry_message_entries_begin(struct wherry_message_entries *e, uint8_t *buf, size_t cap);
/* False: no room, or a name over 255 bytes; nothing was added. */
bool wherry_message_entries_add(struct wherry_message_entries *e,
                                const struct wherry_message_entry *entry);
/* Writes the header; returns the frame's length, 0 if no entry was added: then none is sent. */
size_t wherry_message_entries_end(struct wherry_message_entries *e, uint32_t id);

#endif
