/* SPDX-License-Identifier: BSD-2-Clause */
/* base/bytes.h: reading and writing wire bytes, never past the end (network byte order). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over bytes that somebody else owns. A read that does not fit changes nothing. */
struct bytes_reader {
    const uint8_t *at;
    size_t left;
};

bool bytes_get_u8(struct bytes_reader *r, uint8_t *ret);
bool bytes_get_u16(struct bytes_reader *r, uint16_t *ret);
bool bytes_get_u32(struct bytes_reader *r, uint32_t *ret);
bool bytes_get_u64(struct bytes_reader *r, uint64_t *ret);
/* The next len bytes, where they lie. */
bool bytes_get_view(struct bytes_reader *r, size_t len, const uint8_t **ret);
/* A length of 2 bytes and that many bytes. */
bool bytes_get_string(struct bytes_reader *r, const uint8_t **ret, size_t *ret_len);
/* Text up to the next NUL, which is taken too and not counted. False: there is no NUL. */
bool bytes_get_text(struct bytes_reader *r, const uint8_t **ret, size_t *ret_len);

/* A cursor over room that somebody else owns; once something did not fit, `failed` stays set and
 * nothing more is written. */
struct bytes_writer {
    uint8_t *start;
    size_t len;
    size_t cap;
    bool failed;
};

void bytes_put_u8(struct bytes_writer *w, uint8_t value);
void bytes_put_u16(struct bytes_writer *w, uint16_t value);
void bytes_put_u32(struct bytes_writer *w, uint32_t value);
void bytes_put_u64(struct bytes_writer *w, uint64_t value);
void bytes_put(struct bytes_writer *w, const void *bytes, size_t len);
/* A length of 2 bytes and the bytes; over 65535 never fit. */
void bytes_put_string(struct bytes_writer *w, const void *bytes, size_t len);
/* The text and its NUL. */
void bytes_put_text(struct bytes_writer *w, const char *text);
/* What was written; 0 if something did not fit. */
size_t bytes_written(const struct bytes_writer *w);

#endif
