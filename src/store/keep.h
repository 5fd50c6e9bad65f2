/* SPDX-License-Identifier: BSD-2-Clause */
/* store/keep.h: the files of an upload that may be resumed. In the target's directory lie
 *
 *   .wherry-u<id>   what came so far, locked (flock) as long as the upload runs
 *   .wherry-r<id>   the record: what it is, how much of it counts, when it was last used
 *
 * with the id as 32 letters of hex. Nobody may name either, nor sees them in a listing. Data counts
 * up to the offset in the record, which is written after the data is on disk. A record has two
 * places of KEEP_PLACE_BYTES, written in turn, each with a SHA-256 of itself, so that one that was
 * torn by the death of the machine leaves the one before. Numbers are big endian:
 *
 *   magic 8, version 2, mode 1, has sha256 1, sequence 8, size 8, synced 8, last use (ns since
 *   1970) 8, network 16, sha256 32, upload id 16, name string (length 2), SHA-256 of all this 32
 *
 * The data is made before the record and goes after it, so a record without data, and data without
 * a record and without a lock, are left-overs. All calls may block. */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "store/temp.h"

#define KEEP_NETWORK_BYTES 16u
#define KEEP_PLACE_BYTES 2048u

/* What an upload must have in common with the one that it goes on from. */
struct keep_facts {
    uint64_t size; /* or WHERRY_SIZE_UNKNOWN */
    bool create;
    bool has_sha256;
    uint8_t sha256[WHERRY_SHA256_BYTES];
    uint8_t network[KEEP_NETWORK_BYTES];
    char name[WHERRY_STRING_MAX + 1u];
};

struct keep_record {
    struct keep_facts facts;
    uint64_t sequence; /* of writing; the higher is the newer */
    uint64_t synced;   /* bytes of the data that count */
    uint64_t used_ns;  /* since 1970 */
};

enum keep_kind { KEEP_NONE, KEEP_DATA, KEEP_RECORD };

bool keep_same(const struct keep_facts *a, const struct keep_facts *b);
/* Nanoseconds since 1970, as records have them. */
uint64_t keep_now_ns(void);
/* Since the last use; a clock that was set back makes it 0. */
uint64_t keep_age_ns(const struct keep_record *rec, uint64_t now_ns);
/* Whether a name of a directory is one of ours, and whose. */
enum keep_kind keep_parse_name(const char *name, uint8_t ret_id[WHERRY_UPLOAD_ID_BYTES]);

/* Pure: a record to and from the bytes of one place. RES_PROTOCOL: torn, or none of this id. */
void keep_encode(const struct keep_record *rec, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                 uint8_t ret[KEEP_PLACE_BYTES]);
enum res keep_decode(const uint8_t place[KEEP_PLACE_BYTES],
                     const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *ret);

bool keep_has_record(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);
/* RES_NOT_FOUND: none, or none that is whole. */
enum res keep_read(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *ret);
/* Counts the sequence up, in rec too. On failure rec is as it was, and the record on the disk that
 * was written last is whole. */
enum res keep_write(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *rec);

/* Opens the data of this id behind what of it counts (rec->synced), or makes it, and writes the
 * record. rec->facts are given. What is older than keep_ns does not count. RES_OFFSET: it is kept
 * for an upload of other facts, and stays; RES_BUSY: another process writes it. */
enum res keep_open(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], uint64_t keep_ns,
                   struct keep_record *rec, struct temp *ret);
/* Removes the record; for those who hold the lock of the data. */
void keep_forget(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);
/* Removes data and record. RES_BUSY: an upload runs, all stays. */
enum res keep_remove(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);
/* The record of an upload that is kept and does not run. RES_BUSY: it runs. RES_NOT_FOUND: record
 * or data are of no use to anybody. */
enum res keep_inspect(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                      struct keep_record *ret);

#endif
