/* SPDX-License-Identifier: BSD-2-Clause */
/* store/writer.h: a file appears whole or not at all.
 *
 *   begin --write*--> commit   the name now leads to the new bytes
 *                 \-> abort    nothing happened
 *                 \-> leave    bytes that have a name of their own stay for another time
 *
 * Bytes go to a file without a name (store/temp.h) in the target's directory. Commit is one atomic
 * step: link for new names, rename over an existing one, whose mode (without set-user-ID and
 * set-group-ID) and owner the new file takes first. Of two uploads of one name at a time the last
 * to commit stays, or, when nothing may be replaced, the first.
 *
 * Whole means for every reader and after the death of the process; what a power cut leaves is up to
 * the file system: nothing is synced unless asked for. All calls may block. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <wherry/res.h>

#include "store/jail.h"
#include "store/policy.h"
#include "store/temp.h"

#define WRITER_SIZE_UNKNOWN UINT64_MAX
/* Other uploads fill the disk too: the reserve is looked at again each time so much was written. */
#define WRITER_LOOK_BYTES (UINT64_C(8) << 20)

struct writer;

struct writer_params {
    bool replace;           /* an existing name may be replaced, else RES_EXISTS */
    bool sync;              /* commit: the file and its name are on disk first */
    mode_t mode;            /* of a new file, umask already applied */
    uint64_t expected_size; /* checked at once against what follows */
    uint64_t size_max;      /* RES_TOO_LARGE beyond, at once or while bytes arrive; 0: no limit */
    uint64_t reserve;       /* free space that stays free: RES_NO_SPACE, at once or while bytes
                               arrive */
    uint64_t offset;        /* writer_begin_at() with a file: so many bytes are there already */
};

/* Inside the jail, for a server, where the policy lets `who`: p->replace too. */
enum res writer_begin(struct writer **ret, const struct jail *j, const char *name,
                      const struct policy_who *who, const struct writer_params *p);
/* At a path of the local file system, for a client. `path` may lead through links. RES_DENIED:
 * it exists and is no regular file. */
enum res writer_begin_local(struct writer **ret, const char *path, const struct writer_params *p);
/* May this target be written to? All that is judged before space and files. */
enum res writer_judge(const struct jail_target *t, const struct writer_params *p);
/* At a target that was judged; its directory stays the caller's, open as long as the writer is.
 * own: NULL, or the file to write to behind p->offset, the writer's on RES_OK. */
enum res writer_begin_at(struct writer **ret, const struct jail_target *t,
                         const struct writer_params *p, const struct temp *own);
/* After a failure every further call returns the same. */
enum res writer_write(struct writer *w, const uint8_t *bytes, size_t len);
uint64_t writer_bytes(const struct writer *w); /* in the file, also those of a write that failed */
/* Space was made after RES_NO_SPACE: writing may go on behind writer_bytes(). */
void writer_retry(struct writer *w);
/* For reading, and for fdatasync(2); stays the writer's. */
int writer_fd(const struct writer *w);
/* Gives the file its name, and frees the writer, also on failure (the old file is then as it was,
 * unless it was the last sync that failed). ret: the new file's, or NULL. RES_EXISTS: somebody was
 * faster; RES_DENIED: the old file's owner, group or mode cannot be kept. */
enum res writer_commit(struct writer *w, struct stat *ret);
void writer_abort(struct writer *w); /* takes NULL */
/* Frees the writer; the file keeps the name that it began with. */
void writer_leave(struct writer *w);

#endif
