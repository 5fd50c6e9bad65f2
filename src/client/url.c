/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <wherry/message.h>

#include "base/number.h"
#include "base/text.h"

#define SHOWN_BYTES 64 /* of what the user wrote, in a message */

struct scheme_row {
    const char *text;
    const char *rest; /* what has to follow the host */
    uint16_t port;
};

static const struct scheme_row scheme_rows[] = {
    [URL_TFTP] = {"tftp://", "/FILE", URL_PORT_TFTP},
    [URL_WHERRY] = {"wherry://", "/PATH", URL_PORT_WHERRY},
};

#define SCHEME_COUNT (sizeof(scheme_rows) / sizeof(scheme_rows[0]))

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/* Decodes len bytes into ret of cap bytes. */
static bool decode_percent(char *ret, size_t cap, const char *text, size_t len, const char *what,
                           char why[URL_WHY_BYTES])
{
    size_t used = 0;
    size_t i = 0;

    while (i < len) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int low = high != -1 ? hex_digit(text[i + 2]) : -1;

            if (low == -1) {
                (void)snprintf(why, URL_WHY_BYTES,
                               "'%%' in the %s needs two hexadecimal digits behind it (%%25 is a "
                               "percent sign)",
                               what);
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            (void)snprintf(why, URL_WHY_BYTES, "%%00 cannot be part of the %s", what);
            return false;
        }
        if (used + 1 >= cap) {
            (void)snprintf(why, URL_WHY_BYTES, "the %s is longer than %zu bytes", what, cap - 1);
            return false;
        }
        ret[used++] = c;
        i++;
    }
    ret[used] = '\0';
    return true;
}

static bool parse_port(struct url *u, const char *text, size_t len, char why[URL_WHY_BYTES])
{
    uint64_t port;
    char shown[SHOWN_BYTES];

    if (!number_parse_digits((const uint8_t *)text, len, &port) || port < 1 || port > UINT16_MAX) {
        (void)snprintf(why, URL_WHY_BYTES, "port \"%s\": a number from 1 to 65535 is needed",
                       text_quote((const uint8_t *)text, len, shown, sizeof(shown)));
        return false;
    }
    u->port = (uint16_t)port;
    return true;
}

/* An address between brackets; a zone is written %25eth0 (RFC 6874) or, as people type it,
 * %eth0. */
static bool parse_bracketed(struct url *u, const char *text, size_t len, char why[URL_WHY_BYTES])
{
    const char *zone = memchr(text, '%', len);
    size_t skip =
        zone != NULL && len - (size_t)(zone - text) > 3 && memcmp(zone, "%25", 3) == 0 ? 2 : 0;
    size_t front = zone != NULL ? (size_t)(zone - text) : len;
    struct in6_addr address;

    if (len >= sizeof(u->host)) {
        (void)snprintf(why, URL_WHY_BYTES, "the host is longer than %zu bytes",
                       sizeof(u->host) - 1);
        return false;
    }
    memcpy(u->host, text, front);
    u->host[front] = '\0';
    if (inet_pton(AF_INET6, u->host, &address) != 1) {
        (void)snprintf(why, URL_WHY_BYTES, "an IPv6 address is needed between [ and ]");
        return false;
    }
    if (zone != NULL) {
        u->host[front] = '%';
        memcpy(u->host + front + 1, zone + 1 + skip, len - front - 1 - skip);
    }
    u->host[len - skip] = '\0';
    return true;
}

static bool parse_authority(struct url *u, const char *text, size_t len, char why[URL_WHY_BYTES])
{
    const struct scheme_row *row = &scheme_rows[u->scheme];
    const char *end = text + len;
    const char *colon;

    if (memchr(text, '@', len) != NULL) {
        (void)snprintf(why, URL_WHY_BYTES,
                       "neither protocol knows users: nothing may stand before an @");
        return false;
    }
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);

        if (close == NULL || (close + 1 < end && close[1] != ':')) {
            (void)snprintf(why, URL_WHY_BYTES,
                           "an IPv6 address is written %s[ADDRESS]%s or %s[ADDRESS]:PORT%s",
                           row->text, row->rest, row->text, row->rest);
            return false;
        }
        if (!parse_bracketed(u, text + 1, (size_t)(close - text - 1), why)) {
            return false;
        }
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(text, ':', len);
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
            (void)snprintf(why, URL_WHY_BYTES,
                           "an IPv6 address stands between brackets: %s[ADDRESS]%s", row->text,
                           row->rest);
            return false;
        }
        if (!decode_percent(u->host, sizeof(u->host), text,
                            colon != NULL ? (size_t)(colon - text) : len, "host", why)) {
            return false;
        }
    }
    if (u->host[0] == '\0' || strcmp(u->host, "*") == 0) {
        (void)snprintf(why, URL_WHY_BYTES, "the host is missing: %sHOST%s is needed", row->text,
                       row->rest);
        return false;
    }
    return colon == NULL || parse_port(u, colon + 1, (size_t)(end - colon - 1), why);
}

/* RFC 3617 section 3: `;mode=` is all that may follow the name. */
static bool parse_mode(struct url *u, const char *text, char why[URL_WHY_BYTES])
{
    char shown[SHOWN_BYTES];

    if (strcasecmp(text, ";mode=octet") == 0) {
        u->mode = WHERRY_OCTET;
        return true;
    }
    if (strcasecmp(text, ";mode=netascii") == 0) {
        u->mode = WHERRY_NETASCII;
        return true;
    }
    (void)snprintf(why, URL_WHY_BYTES,
                   "\"%s\": after the name only ;mode=octet or ;mode=netascii may stand (%%3B is a "
                   "semicolon in the name)",
                   text_quote((const uint8_t *)text, strlen(text), shown, sizeof(shown)));
    return false;
}

/* What stands behind the host's slash. */
static bool parse_tftp_name(struct url *u, const char *text, char why[URL_WHY_BYTES])
{
    const char *semicolon = strchr(text, ';');
    size_t len = semicolon != NULL ? (size_t)(semicolon - text) : strlen(text);

    return decode_percent(u->name, sizeof(u->name), text, len, "name", why) &&
           (semicolon == NULL || parse_mode(u, semicolon, why));
}

static bool parse_wherry_path(struct url *u, const char *text, char why[URL_WHY_BYTES])
{
    char shown[SHOWN_BYTES];

    if (!decode_percent(u->name, sizeof(u->name), text, strlen(text), "path", why)) {
        return false;
    }
    if (wherry_message_check_path(url_path(u)) != RES_OK) {
        (void)snprintf(
            why, URL_WHY_BYTES,
            "path \"%s\": between single slashes 1 to %u bytes are needed, neither . nor "
            ".. nor what begins with %s, and at most %u bytes in all",
            text_quote((const uint8_t *)u->name, strlen(u->name), shown, sizeof(shown)),
            WHERRY_COMPONENT_MAX, WHERRY_TEMP_PREFIX, WHERRY_STRING_MAX);
        return false;
    }
    return true;
}

bool url_has_scheme(const char *text, enum url_scheme scheme)
{
    const char *beginning = scheme_rows[scheme].text;

    return strncasecmp(text, beginning, strlen(beginning)) == 0;
}

static bool parse_scheme(struct url *u, const char *text, char why[URL_WHY_BYTES])
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (url_has_scheme(text, (enum url_scheme)i)) {
            *u = (struct url){
                .scheme = (enum url_scheme)i,
                .port = scheme_rows[i].port,
                .mode = WHERRY_OCTET,
            };
            return true;
        }
    }
    (void)snprintf(why, URL_WHY_BYTES,
                   "a URL of the form tftp://HOST[:PORT]/FILE or wherry://HOST[:PORT]/PATH is "
                   "needed");
    return false;
}

bool url_parse(struct url *ret, const char *text, char why[URL_WHY_BYTES])
{
    struct url u;
    const char *authority;
    const char *slash;
    bool good;

    if (!parse_scheme(&u, text, why)) {
        return false;
    }
    authority = text + strlen(scheme_rows[u.scheme].text);
    slash = strchr(authority, '/');
    if (slash == NULL && u.scheme == URL_TFTP) {
        (void)snprintf(why, URL_WHY_BYTES, "the URL names no file: tftp://HOST/FILE is needed");
        return false;
    }
    if (slash == NULL) { /* the root */
        slash = authority + strlen(authority);
    }
    if (!parse_authority(&u, authority, (size_t)(slash - authority), why)) {
        return false;
    }
    if (*slash == '/') {
        slash++;
    }
    good =
        u.scheme == URL_TFTP ? parse_tftp_name(&u, slash, why) : parse_wherry_path(&u, slash, why);
    if (good) {
        *ret = u;
    }
    return good;
}

struct wherry_view url_path(const struct url *u)
{
    size_t len = strlen(u->name);

    if (len > 1 && u->name[len - 1] == '/') {
        len--;
    }
    return (struct wherry_view){.bytes = (const uint8_t *)u->name, .len = len};
}

const char *url_scheme_text(enum url_scheme scheme)
{
    return scheme_rows[scheme].text;
}

const char *url_last_component(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL ? slash + 1 : name;
}
