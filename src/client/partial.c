/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "base/hex.h"
#include "client/sum.h"
#include "store/temp.h"
#include "store/writer.h"

#define KEY_BYTES 8
#define PREFIX_LEN (sizeof(JAIL_TEMP_PREFIX) - 1)
#define KEY_LEN ((size_t)2 * KEY_BYTES)
#define VALIDATOR_LEN ((size_t)2 * WHERRY_VALIDATOR_BYTES)
#define NAME_LEN (PREFIX_LEN + KEY_LEN + 1 + VALIDATOR_LEN)

_Static_assert(NAME_LEN < TEMP_NAME_BYTES, "a temp has room for the name");

struct partial {
    struct jail_target target;
    struct writer_params writer_params;
    bool resume;
    bool none_kept;
    uint8_t key[KEY_BYTES];

    bool here; /* there is a file */
    struct temp temp;
    uint64_t bytes; /* that were found in it; a writer counts on */
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct writer *writer; /* begun; has the temp too */
};

/* --- names --- */

static void print_name(const struct partial *f, const uint8_t *validator,
                       char name[TEMP_NAME_BYTES])
{
    char *at = name;

    memcpy(at, JAIL_TEMP_PREFIX, PREFIX_LEN);
    at = hex_print(f->key, KEY_BYTES, at + PREFIX_LEN);
    *at++ = '-';
    (void)hex_print(validator, WHERRY_VALIDATOR_BYTES, at);
}

static bool parse_name(const char *name, uint8_t key[KEY_BYTES],
                       uint8_t validator[WHERRY_VALIDATOR_BYTES])
{
    return strlen(name) == NAME_LEN && memcmp(name, JAIL_TEMP_PREFIX, PREFIX_LEN) == 0 &&
           hex_parse(name + PREFIX_LEN, KEY_BYTES, key) && name[PREFIX_LEN + KEY_LEN] == '-' &&
           hex_parse(name + PREFIX_LEN + KEY_LEN + 1, WHERRY_VALIDATOR_BYTES, validator);
}

/* The same however the user spelt the URL. Each part ends with a NUL, which none can hold. */
static enum res make_key(const struct partial_params *p, uint8_t key[KEY_BYTES])
{
    uint8_t sha256[WHERRY_SHA256_BYTES];
    struct sum *s = NULL;
    char port[16];
    enum res r = sum_new(&s);

    if (r != RES_OK) {
        return r;
    }
    (void)snprintf(port, sizeof(port), "%u", (unsigned)p->url->port);
    /* A failure shows in sum_final(). */
    (void)sum_add(s, p->target->last, strlen(p->target->last) + 1);
    (void)sum_add(s, p->url->host, strlen(p->url->host) + 1);
    (void)sum_add(s, port, strlen(port) + 1);
    (void)sum_add(s, p->path.bytes, p->path.len);
    r = sum_final(s, sha256);
    sum_free(s);
    if (r == RES_OK) {
        memcpy(key, sha256, KEY_BYTES);
    }
    return r;
}

/* --- files of earlier tries --- */

/* For reading its names; the target's own descriptor is not. */
static DIR *open_dir(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd == -1 ? NULL : fdopendir(fd);

    if (d == NULL && fd != -1) {
        (void)close(fd);
    }
    return d;
}

bool partial_any_kept(int dir_fd)
{
    uint8_t key[KEY_BYTES];
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    DIR *d = open_dir(dir_fd);
    const struct dirent *e = NULL;
    bool any = false;

    if (d == NULL) {
        return true;
    }
    while (!any && (e = readdir(d)) != NULL) {
        any = parse_name(e->d_name, key, validator);
    }
    (void)closedir(d);
    return any;
}

/* Opens and locks it. Who held the lock before may have given the file another name, or removed
 * it, so the name is looked at again. */
static bool take(int dir_fd, const char *name, struct temp *ret, struct stat *st)
{
    struct temp t = {.dir_fd = dir_fd};
    struct stat now;

    t.fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (t.fd == -1) {
        return false;
    }
    if (flock(t.fd, LOCK_EX | LOCK_NB) == -1 || fstat(t.fd, st) == -1 ||
        fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == -1 || now.st_dev != st->st_dev ||
        now.st_ino != st->st_ino || !S_ISREG(st->st_mode) || st->st_nlink != 1 ||
        st->st_uid != geteuid()) {
        (void)close(t.fd);
        return false;
    }
    (void)snprintf(t.name, sizeof(t.name), "%s", name);
    *ret = t;
    return true;
}

/* Walks those of this target and URL: the youngest that has bytes and is wanted becomes f's, the
 * others go. */
static void gather(struct partial *f, bool wanted)
{
    DIR *d = open_dir(f->target.dir_fd);
    const struct dirent *e = NULL;
    struct timespec youngest = {0};

    while (d != NULL && (e = readdir(d)) != NULL) {
        uint8_t key[KEY_BYTES];
        uint8_t validator[WHERRY_VALIDATOR_BYTES];
        struct temp t;
        struct stat st;

        if (!parse_name(e->d_name, key, validator) || memcmp(key, f->key, KEY_BYTES) != 0 ||
            (f->here && strcmp(e->d_name, f->temp.name) == 0) ||
            !take(f->target.dir_fd, e->d_name, &t, &st)) {
            continue;
        }
        if (!wanted || st.st_size == 0 ||
            (f->here &&
             (st.st_mtim.tv_sec < youngest.tv_sec ||
              (st.st_mtim.tv_sec == youngest.tv_sec && st.st_mtim.tv_nsec <= youngest.tv_nsec)))) {
            temp_close(&t);
            continue;
        }
        if (f->here) {
            temp_close(&f->temp);
        }
        f->here = true;
        f->temp = t;
        f->bytes = (uint64_t)st.st_size;
        memcpy(f->validator, validator, sizeof(f->validator));
        youngest = st.st_mtim;
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

/* --- from beginning to end --- */

enum res partial_new(struct partial **ret, const struct partial_params *p)
{
    struct partial *f = calloc(1, sizeof(*f));
    enum res r;

    if (f == NULL) {
        return RES_NO_MEMORY;
    }
    f->target = *p->target;
    f->writer_params = (struct writer_params){.replace = p->replace, .mode = p->mode};
    f->resume = p->resume;
    f->none_kept = p->none_kept;
    r = writer_judge(&f->target, &f->writer_params);
    if (r == RES_OK) {
        r = make_key(p, f->key);
    }
    if (r != RES_OK) {
        partial_free(f);
        return r;
    }
    if (f->resume && !f->none_kept) {
        gather(f, true);
    }
    *ret = f;
    return RES_OK;
}

/* The file is the caller's from here on. */
static void forget(struct partial *f)
{
    f->here = false;
    f->bytes = 0;
    f->writer = NULL;
}

void partial_free(struct partial *f)
{
    if (f == NULL) {
        return;
    }
    if (f->writer != NULL) {
        writer_abort(f->writer);
    } else if (f->here) {
        temp_leave(&f->temp);
    }
    free(f);
}

uint64_t partial_bytes(const struct partial *f)
{
    return f->writer != NULL ? writer_bytes(f->writer) : f->bytes;
}

const uint8_t *partial_validator(const struct partial *f)
{
    return f->here ? f->validator : NULL;
}

enum res partial_read(const struct partial *f, uint64_t offset, uint8_t *buf, size_t cap,
                      size_t *ret_len)
{
    ssize_t n;

    do {
        n = pread(f->temp.fd, buf, cap, (off_t)offset);
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return res_from_errno(errno);
    }
    *ret_len = (size_t)n;
    return RES_OK;
}

/* A file of its own from the beginning on, if it is to outlive us whatever happens. */
static enum res make_file(struct partial *f, const uint8_t *validator)
{
    char name[TEMP_NAME_BYTES];
    enum res r = temp_open(&f->temp, f->target.dir_fd, TEMP_UNNAMED);

    if (r != RES_OK) {
        return r;
    }
    f->here = true;
    f->bytes = 0;
    memcpy(f->validator, validator, sizeof(f->validator));
    if (f->resume) {
        print_name(f, validator, name);
        /* Else another process works on the same download, and one of the two will be first. */
        if (temp_become(&f->temp, name) == RES_OK) {
            temp_unlink(&f->temp);
            memcpy(f->temp.name, name, sizeof(name));
        }
    }
    return RES_OK;
}

enum res partial_begin(struct partial *f, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                       uint64_t size)
{
    enum res r = RES_OK;

    if (f->here && memcmp(f->validator, validator, sizeof(f->validator)) != 0) {
        partial_discard(f);
    }
    if (!f->here) {
        r = make_file(f, validator);
    } else if (lseek(f->temp.fd, (off_t)f->bytes, SEEK_SET) == -1) {
        r = res_from_errno(errno);
    }
    if (r != RES_OK) {
        return r;
    }
    f->writer_params.expected_size = size;
    f->writer_params.offset = f->bytes;
    r = writer_begin_at(&f->writer, &f->target, &f->writer_params, &f->temp);
    if (r != RES_OK && f->bytes == 0) {
        partial_discard(f);
    }
    return r;
}

bool partial_begun(const struct partial *f)
{
    return f->writer != NULL;
}

enum res partial_write(struct partial *f, const uint8_t *bytes, size_t len)
{
    return writer_write(f->writer, bytes, len);
}

enum res partial_commit(struct partial *f)
{
    struct writer *w = f->writer;
    enum res r;

    forget(f);
    r = writer_commit(w, NULL);
    if (r == RES_OK && !f->none_kept) {
        gather(f, false);
    }
    return r;
}

/* Under that name lies what another try kept of the same version; the longer one stays. */
static enum res keep_longer(struct partial *f, const char *name)
{
    struct temp other;
    struct stat st;
    enum res r = RES_OK;

    if (!take(f->target.dir_fd, name, &other, &st)) {
        return RES_BUSY;
    }
    if ((uint64_t)st.st_size < partial_bytes(f)) {
        r = temp_replace(&f->temp, name);
    } else {
        temp_unlink(&f->temp);
    }
    temp_leave(&other);
    return r;
}

bool partial_keep(struct partial *f)
{
    char name[TEMP_NAME_BYTES];
    enum res r = RES_OK;

    if (!f->here || partial_bytes(f) == 0) {
        return false;
    }
    print_name(f, f->validator, name);
    if (strcmp(f->temp.name, name) != 0) {
        r = temp_become(&f->temp, name);
        if (r == RES_EXISTS) {
            r = keep_longer(f, name);
        }
    }
    if (r != RES_OK) {
        temp_unlink(&f->temp);
        return false;
    }
    if (f->writer != NULL) {
        writer_leave(f->writer);
    } else {
        temp_leave(&f->temp);
    }
    forget(f);
    return true;
}

void partial_discard(struct partial *f)
{
    if (f->writer != NULL) {
        writer_abort(f->writer);
    } else if (f->here) {
        temp_close(&f->temp);
    }
    forget(f);
}
