/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/res.h: the result of a call. One list for the cores, the store and the programs.
 *
 * Functions of Wherry that can fail return enum res and write their outputs only on RES_OK. What a
 * code is called on the wire stands in one table (proto/wire_error.c). */
#ifndef WHERRY_RES_H
#define WHERRY_RES_H

enum res {
    RES_OK = 0,
    RES_PROTOCOL,    /* bytes that no rule allows */
    RES_UNSUPPORTED, /* well formed, but not offered: mode `mail`, an unknown mode or opcode */
    RES_OPTIONS,     /* option negotiation failed (RFC 2347) */
    RES_NOT_FOUND,   /* no such file */
    RES_IS_DIR,      /* the name is a directory */
    RES_DENIED,      /* policy or permissions forbid it, or it is no regular file */
    RES_NAME,        /* a name that is never allowed: "..", ".wherry-...", too long */
    RES_EXISTS,      /* the name is taken and may not be replaced */
    RES_NO_SPACE,    /* the file system or the quota is full */
    RES_TOO_LARGE,   /* over a size limit */
    RES_CHANGED,     /* the file was changed while it was read */
    RES_IO,          /* the device or the kernel failed */
    RES_BUSY,        /* a limit of descriptors, processes or transfers is reached */
    RES_NO_MEMORY,   /* malloc or the kernel had none */
    RES_TIMEOUT,     /* the peer was silent for too long */
    RES_PEER,        /* the peer sent ERROR, or a status that we do not know */
    RES_UNREACHABLE, /* nobody listens at the peer's address and port (ICMP port unreachable) */
    RES_SHUTDOWN,    /* the program is asked to end */
    RES_RANGE,       /* an offset behind the end of the file */
    RES_DIGEST,      /* what came has another SHA-256 than was announced */
    RES_OFFSET,      /* what came is not what was announced or kept: size, place or path */
    RES_CANCELLED,   /* ended because the peer asked for it */
    RES_AUTH,        /* the peer has to say who it is (reserved) */
    RES_LOST,        /* the connection broke, or ended too early */
    RES_LATER,       /* not an error: the answer comes through a callback */
    RES_COUNT
};

/* The code in words, for people: "no such file". Never NULL, static storage. */
const char *wherry_res_text(enum res r);

#endif
