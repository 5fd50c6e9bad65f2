/* SPDX-License-Identifier: BSD-2-Clause */
/* client/send_file.h: one file to a server of the file protocol: PUT, DATA, END.
 *
 *   --verify            the SHA-256 is counted while the bytes pass, and goes with our END
 *   --resume            PUT carries an upload id made of what file it is and where it goes, so the
 *                       same command goes on where the server stopped keeping; if it kept something
 *                       else under that id, the upload begins anew under one of the server's
 *   both                the file is read for its SHA-256 before PUT, which carries it: the server
 *                       measures how fast bytes come and would not wait while we read
 *
 * An END that comes early (disk full) stops the sending at once. A file that changes while it is
 * sent is cancelled: the server drops it. */
#ifndef CLIENT_SEND_FILE_H
#define CLIENT_SEND_FILE_H

#include "client/put_job.h"
#include "client/put_source.h"

/* Says how it went. */
void send_file(struct put_job *j, const struct put_source *source, const char *path);

#endif
