/* SPDX-License-Identifier: BSD-2-Clause */
/* store/writer.h: a file appears whole or not at all.
 *
 *   begin --write*--> commit   the name now leads to the new bytes
 *                 \-> abort    nothing happened
 *
 * Bytes go to a file without a name (store/temp.h) in the target's directory. Commit is one atomic
 * step: link for new names, rename over an existing one, whose mode (without set-user-ID and
 * set-group-ID) and owner the new file takes first. Of two uploads of one name at a time the last
 * to commit stays, or, when nothing may be replaced, the first.
 *
 * Whole means for every reader and after the death of the process; what a power cut leaves is up to
 * the file system: nothing is synced. All calls may block. */
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

#define WRITER_SIZE_UNKNOWN UINT64_MAX

struct writer;

struct writer_params {
    bool replace;           /* an existing name may be replaced, else RES_EXISTS */
    mode_t mode;            /* of a new file, umask already applied */
    uint64_t expected_size; /* checked against free space at once: RES_NO_SPACE */
};

/* Inside the jail, for a server. */
enum res writer_begin(struct writer **ret, const struct jail *j, const char *name,
                      enum policy_write policy, mode_t mode, uint64_t expected_size);
/* At a path of the local file system, for a client. `path` may lead through links. RES_DENIED:
 * it exists and is no regular file. */
enum res writer_begin_local(struct writer **ret, const char *path, const struct writer_params *p);
/* After a failure every further call returns the same. */
enum res writer_write(struct writer *w, const uint8_t *bytes, size_t len);
/* Gives the file its name, and frees the writer, also on failure (the old file is then as it was).
 * RES_EXISTS: somebody was faster; RES_DENIED: the old file's owner, group or mode cannot be
 * kept. */
enum res writer_commit(struct writer *w);
void writer_abort(struct writer *w); /* takes NULL */

#endif
