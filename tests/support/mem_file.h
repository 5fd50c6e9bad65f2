/* SPDX-License-Identifier: BSD-2-Clause */
/* support/mem_file.h: a file in memory that can be told to fail from byte n on. Grows as it is
 * written; a hole reads as zeros. */
#ifndef SUPPORT_MEM_FILE_H
#define SUPPORT_MEM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#define MEM_FILE_NEVER_FAILS UINT64_MAX

struct mem_file {
    uint8_t *bytes;
    uint64_t len;
    uint64_t room;
    uint64_t fails_at; /* reads and writes that touch this byte or one behind it: RES_IO */
};

void mem_file_init(struct mem_file *f);
/* Contents that differ from byte to byte and from seed to seed. RES_NO_MEMORY on failure. */
enum res mem_file_fill(struct mem_file *f, uint64_t len, uint64_t seed);
/* Exactly len bytes; RES_IO beyond the end or the failing byte. */
enum res mem_file_read(const struct mem_file *f, uint64_t offset, uint8_t *buf, size_t len);
enum res mem_file_write(struct mem_file *f, uint64_t offset, const uint8_t *bytes, size_t len);
/* The first byte in which they differ (a shorter file differs at its end), or UINT64_MAX. */
uint64_t mem_file_difference(const struct mem_file *a, const struct mem_file *b);
void mem_file_free(struct mem_file *f);

#endif
