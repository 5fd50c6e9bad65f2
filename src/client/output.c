/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/output.h"

#include <errno.h>
#include <unistd.h>

#include "base/errno_res.h"

#define PIECE_BYTES 4096u /* what a pipe that is ready takes without blocking: PIPE_BUF */

static void fail(struct output *o, int error)
{
    o->failed = true;
    o->why = (struct outcome){
        .side = OUTCOME_LOCAL,
        .result = res_from_errno(error),
    };
    (void)snprintf(o->why.detail, sizeof(o->why.detail), "standard output");
}

/* stdio's: how many bytes were written, which is fewer than asked on failure. */
static ssize_t on_write(void *cookie, const char *bytes, size_t len)
{
    struct output *o = cookie;
    size_t done = 0;

    while (done < len && !o->failed) {
        size_t piece = len - done < PIECE_BYTES ? len - done : PIECE_BYTES;
        ssize_t n;

        if (o->link != NULL && !link_wait_writable(o->link, STDOUT_FILENO, &o->why)) {
            o->failed = true;
            break;
        }
        n = write(STDOUT_FILENO, bytes + done, piece);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == -1 && errno != EINTR && errno != EAGAIN) {
            fail(o, errno);
        }
    }
    return (ssize_t)done;
}

enum res output_open(struct output *o)
{
    static const cookie_io_functions_t functions = {.write = on_write};

    *o = (struct output){.to = fopencookie(o, "w", functions)};
    if (o->to == NULL) {
        return RES_NO_MEMORY;
    }
    if (isatty(STDOUT_FILENO) == 1) {
        (void)setvbuf(o->to, NULL, _IOLBF, BUFSIZ);
    }
    return RES_OK;
}

bool output_good(const struct output *o, struct outcome *why)
{
    if (o->failed) {
        *why = o->why;
    }
    return !o->failed;
}

bool output_close(struct output *o, struct outcome *why)
{
    (void)fclose(o->to); /* what is wrong with it, on_write() has said */
    o->to = NULL;
    return output_good(o, why);
}
