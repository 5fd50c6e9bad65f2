/* SPDX-License-Identifier: BSD-2-Clause */
/* client/url.h: which file of which server.
 *
 * tftp://host[:69]/name[;mode=octet|netascii] (RFC 3617)
 *
 *   tftp://host/boot/zImage        asks for boot/zImage
 *   tftp://host//boot/zImage       asks for /boot/zImage
 *   tftp://host/a%20b              asks for "a b"
 *   tftp://[2001:db8::1]:6969/x    an IPv6 address, with a port
 *
 * wherry://host[:7069][/path]
 *
 *   wherry://host, wherry://host/  the root
 *   wherry://host/boot             boot, a file or a directory
 *   wherry://host/boot/            the same, meant as a directory: one slash at the end may stand
 *   wherry://host/a;b              a;b
 *
 * The first slash ends the host and is not part of the name. Everything is percent-decoded after
 * it was split, so %3B is a semicolon in the name and %2F a slash. */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

#define URL_PORT_TFTP 69
#define URL_PORT_WHERRY 7069
#define URL_HOST_BYTES 256  /* a DNS name has at most 253 bytes */
#define URL_NAME_BYTES 4096 /* PATH_MAX of most servers */
#define URL_WHY_BYTES 256

enum url_scheme { URL_TFTP, URL_WHERRY };

struct url {
    enum url_scheme scheme;
    char host[URL_HOST_BYTES]; /* brackets removed */
    uint16_t port;
    char name[URL_NAME_BYTES]; /* as it stands in the request; may be empty or end in a slash */
    enum wherry_mode mode;     /* octet unless a tftp:// URL says otherwise */
};

/* True: *ret is set. False: why says what is wrong and what is allowed, *ret is untouched. */
bool url_parse(struct url *ret, const char *text, char why[URL_WHY_BYTES]);
/* Whether text begins as URLs of that scheme do, whatever is wrong with the rest. */
bool url_has_scheme(const char *text, enum url_scheme scheme);
/* wherry://: the path as requests carry it, without a slash at its end. A view into u. */
struct wherry_view url_path(const struct url *u);
/* "tftp://", "wherry://". */
const char *url_scheme_text(enum url_scheme scheme);
/* The last component of a name or path: "zImage"; "" after a slash or for none. */
const char *url_last_component(const char *name);

#endif
