/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/put_source.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/errno_res.h"
#include "client/sum.h"

/* Files of procfs say that they are empty, and are not. */
static bool is_at_end(int fd, off_t at)
{
    uint8_t byte;

    return pread(fd, &byte, 1, at) == 0;
}

enum res put_source_init(struct put_source *s, int fd, const char *text)
{
    off_t at = 0;

    *s = (struct put_source){.fd = fd, .text = text, .size = WHERRY_SIZE_UNKNOWN};
    if (fstat(fd, &s->st) == -1) {
        return res_from_errno(errno);
    }
    if (S_ISDIR(s->st.st_mode)) {
        return RES_IS_DIR;
    }
    if (S_ISREG(s->st.st_mode)) {
        at = lseek(fd, 0, SEEK_CUR);
        if (at == -1) {
            return res_from_errno(errno);
        }
        s->regular = at < s->st.st_size || is_at_end(fd, at);
        s->start = (uint64_t)at;
    }
    if (s->regular) {
        s->size = at < s->st.st_size ? (uint64_t)(s->st.st_size - at) : 0;
    }
    return RES_OK;
}

static enum res read_stream(int fd, uint8_t *buf, size_t cap, size_t *ret_len)
{
    ssize_t n;

    do {
        n = read(fd, buf, cap);
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return errno == EAGAIN ? RES_LATER : res_from_errno(errno);
    }
    *ret_len = (size_t)n;
    return RES_OK;
}

enum res put_source_read(const struct put_source *s, uint64_t offset, uint8_t *buf, size_t cap,
                         size_t *ret_len)
{
    size_t len = 0;

    if (!s->regular) {
        return read_stream(s->fd, buf, cap, ret_len);
    }
    while (len < cap) {
        ssize_t n = pread(s->fd, buf + len, cap - len, (off_t)(s->start + offset + len));

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return res_from_errno(errno);
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    *ret_len = len;
    return RES_OK;
}

bool put_source_unchanged(const struct put_source *s)
{
    struct stat st;

    return !s->regular || (fstat(s->fd, &st) == 0 && st.st_size == s->st.st_size &&
                           st.st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
                           st.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec);
}

/* All that makes an upload this one and no other. */
static size_t write_key(const struct put_source *s, const struct url *url, const char *path,
                        enum wherry_put_mode mode, const uint8_t *sha256, uint8_t *buf, size_t cap)
{
    struct bytes_writer w = {.start = buf, .cap = cap};

    bytes_put_string(&w, url->host, strlen(url->host));
    bytes_put_u16(&w, url->port);
    bytes_put_string(&w, path, strlen(path));
    bytes_put_u8(&w, (uint8_t)mode);
    bytes_put_u64(&w, (uint64_t)s->st.st_dev);
    bytes_put_u64(&w, (uint64_t)s->st.st_ino);
    bytes_put_u64(&w, s->start);
    bytes_put_u64(&w, s->size);
    bytes_put_u64(&w, (uint64_t)s->st.st_mtim.tv_sec);
    bytes_put_u64(&w, (uint64_t)s->st.st_mtim.tv_nsec);
    if (sha256 != NULL) {
        bytes_put(&w, sha256, WHERRY_SHA256_BYTES);
    }
    return bytes_written(&w);
}

enum res put_source_upload_id(const struct put_source *s, const struct url *url, const char *path,
                              enum wherry_put_mode mode, const uint8_t *sha256,
                              uint8_t ret[WHERRY_UPLOAD_ID_BYTES])
{
    static const uint8_t zeros[WHERRY_UPLOAD_ID_BYTES];
    uint8_t key[URL_HOST_BYTES + URL_NAME_BYTES + 128];
    uint8_t digest[WHERRY_SHA256_BYTES];
    struct sum *sum = NULL;
    size_t len = write_key(s, url, path, mode, sha256, key, sizeof(key));
    enum res r = sum_new(&sum);

    if (r == RES_OK) {
        r = sum_add(sum, key, len);
    }
    if (r == RES_OK) {
        r = sum_final(sum, digest);
    }
    sum_free(sum);
    if (r != RES_OK) {
        return r;
    }
    if (memcmp(digest, zeros, sizeof(zeros)) == 0) {
        digest[0] = 1; /* zeros ask the server to choose */
    }
    memcpy(ret, digest, sizeof(zeros));
    return RES_OK;
}
