/* SPDX-License-Identifier: BSD-2-Clause */
/* client/put_job.h: what the files of one `put` over the file protocol share: a connection, the URL
 * that they go to or beneath, a buffer, and the first failure.
 *
 * Paths are the server's, as requests carry them. A failure of one file is said, and does not stop
 * the others; a signal, or a server that cannot be reached, does: then `over` is set. */
#ifndef CLIENT_PUT_JOB_H
#define CLIENT_PUT_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/message.h>

#include "client/command.h"
#include "client/outcome.h"
#include "client/remote.h"
#include "client/url.h"

#define PUT_JOB_BUFFER_BYTES WHERRY_FRAME_DATA_DEFAULT

struct put_job {
    const struct command_call *call;
    const struct url *url;
    const char *url_text; /* as the user wrote it */
    struct remote remote;
    uint8_t *buffer;     /* PUT_JOB_BUFFER_BYTES */
    bool over;           /* nothing more is tried */
    enum exit_code code; /* the first failure's, or the signal's */
};

/* RES_NO_MEMORY. */
enum res put_job_init(struct put_job *j, const struct command_call *call, const struct url *url,
                      const char *url_text);
void put_job_clear(struct put_job *j);

/* base/last in ret; last alone if base is empty. False: it is too long for any request. */
bool put_job_join(char ret[URL_NAME_BYTES], const char *base, const char *last);

/* Requests can carry the path. False: it was said why not; as if the server had (NAME). */
bool put_job_check_path(struct put_job *j, const char *path);

/* Says "put URL-OF-PATH: WHY"; the first of them decides upon the exit code. */
void put_job_fail(struct put_job *j, enum exit_code code, const char *path, const char *why);
/* "put LOCAL: WHY", of a file on this side. */
void put_job_fail_locally(struct put_job *j, const char *local, const char *why);
/* As put_job_fail(); after a signal the job is over. */
void put_job_fail_as(struct put_job *j, const char *path, const struct outcome *o);

/* There is a connection that takes requests. False: it was said why not, and the job is over. */
bool put_job_reach(struct put_job *j, const char *path);
/* False: why says what the server, or the connection, said. */
bool put_job_stat(struct put_job *j, const char *path, struct wherry_message_info *ret,
                  struct outcome *why);
/* The directory is there, be it new or not. False: it was said why not. */
bool put_job_make_directory(struct put_job *j, const char *path);

#endif
