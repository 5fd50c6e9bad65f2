/* SPDX-License-Identifier: BSD-2-Clause */
/* client/url.h: tftp://host[:port]/path[;mode=octet|netascii] (RFC 3617).
 *
 *   tftp://host/boot/zImage        asks for boot/zImage
 *   tftp://host//boot/zImage       asks for /boot/zImage
 *   tftp://host/a%20b              asks for "a b"
 *   tftp://[2001:db8::1]:6969/x    an IPv6 address, with a port
 *
 * The first slash ends the host and is not part of the name. Everything is percent-decoded after
 * it was split, so %3B is a semicolon in the name and %2F a slash. */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

#define URL_PORT_DEFAULT 69
#define URL_HOST_BYTES 256  /* a DNS name has at most 253 bytes */
#define URL_NAME_BYTES 4096 /* PATH_MAX of most servers */
#define URL_WHY_BYTES 256

enum url_scheme { URL_TFTP, URL_WHERRY };

struct url {
    enum url_scheme scheme;
    char host[URL_HOST_BYTES]; /* brackets removed */
    uint16_t port;
    char name[URL_NAME_BYTES]; /* as it stands in the request; may be empty or end in a slash */
    enum wherry_mode mode;     /* octet unless the URL says otherwise */
};

/* True: *ret is set. False: why says what is wrong and what is allowed, *ret is untouched. */
bool url_parse(struct url *ret, const char *text, char why[URL_WHY_BYTES]);
/* The last component of a name or path: "zImage"; "" after a slash or for none. */
const char *url_last_component(const char *name);

#endif
