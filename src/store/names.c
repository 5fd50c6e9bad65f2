/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/beneath.h"
#include "store/validator.h"

#define FIRST_BYTES 1024u

/* What is read so far. */
struct text {
    char *bytes;
    size_t len;
    size_t cap;
    size_t count;
};

static bool add_name(struct text *t, const char *name)
{
    size_t len = strlen(name) + 1;
    size_t cap = t->cap > 0 ? t->cap : FIRST_BYTES;
    char *bytes;

    while (cap - t->len < len) {
        cap *= 2;
    }
    if (cap != t->cap) {
        bytes = realloc(t->bytes, cap);
        if (bytes == NULL) {
            return false;
        }
        t->bytes = bytes;
        t->cap = cap;
    }
    memcpy(t->bytes + t->len, name, len);
    t->len += len;
    t->count++;
    return true;
}

static bool may_be_listed(const struct dirent *e)
{
    struct wherry_view view = {(const uint8_t *)e->d_name, strlen(e->d_name)};

    switch (e->d_type) {
    case DT_FIFO:
    case DT_SOCK:
    case DT_CHR:
    case DT_BLK:
        return false;
    default:
        /* Also "." and "..", and names over 255 bytes, which some file systems have. */
        return wherry_message_check_path(view) == RES_OK;
    }
}

static enum res read_text(DIR *dir, struct text *t)
{
    struct dirent *e;

    for (;;) {
        errno = 0;
        e = readdir(dir);
        if (e == NULL) {
            return errno == 0 ? RES_OK : res_from_errno(errno);
        }
        if (may_be_listed(e) && !add_name(t, e->d_name)) {
            return RES_NO_MEMORY;
        }
    }
}

/* strcmp() compares bytes as unsigned. */
static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes the text over. */
static enum res sort_text(struct names *ret, const struct text *t)
{
    struct names n = {.text = t->bytes};
    const char *at = t->bytes;

    if (t->count == 0) {
        *ret = n;
        return RES_OK;
    }
    n.sorted = malloc(t->count * sizeof(*n.sorted));
    if (n.sorted == NULL) {
        return RES_NO_MEMORY;
    }
    for (size_t i = 0; i < t->count; i++) {
        n.sorted[i] = at;
        at += strlen(at) + 1;
    }
    qsort(n.sorted, t->count, sizeof(*n.sorted), compare);
    /* A directory that changes while it is read may say a name twice. */
    for (size_t i = 0; i < t->count; i++) {
        if (n.count == 0 || strcmp(n.sorted[n.count - 1], n.sorted[i]) != 0) {
            n.sorted[n.count++] = n.sorted[i];
        }
    }
    *ret = n;
    return RES_OK;
}

enum res names_read(struct names *ret, int dir_fd)
{
    struct text t = {0};
    DIR *dir = NULL;
    struct stat st;
    enum res r = RES_OK;
    int fd;

    /* Without the right to search every single name would seem to be gone. */
    if (fstatat(dir_fd, ".", &st, 0) == -1) {
        return res_from_errno(errno);
    }
    fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    if (fd != -1) {
        dir = fdopendir(fd);
    }
    if (dir == NULL) {
        r = res_from_errno(errno);
        if (fd != -1) {
            (void)close(fd);
        }
        return r;
    }
    r = read_text(dir, &t);
    (void)closedir(dir);
    if (r == RES_OK) {
        r = sort_text(ret, &t);
    }
    if (r != RES_OK) {
        free(t.bytes);
    }
    return r;
}

void names_clear(struct names *n)
{
    free(n->sorted);
    free(n->text);
    *n = (struct names){0};
}

size_t names_up_to(const struct names *n, const char *last)
{
    size_t low = 0;
    size_t high = n->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(n->sorted[middle], last) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* 0 or the errno. */
static int stat_link(const char *name, const struct jail *j, const char *dir_name, struct stat *ret)
{
    char path[JAIL_NAME_BYTES];
    int error = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "%s%s%s", dir_name, dir_name[0] != '\0' ? "/" : "", name);
    fd = beneath_open(jail_fd(j), path, O_PATH, 0);
    if (fd == -1) {
        return errno;
    }
    if (fstat(fd, ret) == -1) {
        error = errno;
    }
    (void)close(fd);
    return error;
}

enum res names_look(const char *name, const struct jail *j, int dir_fd, const char *dir_name,
                    struct wherry_message_entry *ret)
{
    struct stat st;
    int error = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ? errno : 0;
    enum res r;

    if (error == 0 && S_ISLNK(st.st_mode)) {
        error = stat_link(name, j, dir_name, &st);
    }
    if (error != 0) {
        r = res_from_errno(error);
        return r == RES_BUSY || r == RES_NO_MEMORY ? r : RES_NOT_FOUND;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return RES_NOT_FOUND;
    }
    *ret = (struct wherry_message_entry){
        .kind = S_ISDIR(st.st_mode) ? WHERRY_KIND_DIRECTORY : WHERRY_KIND_FILE,
        .size = S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size,
        .mtime_ns = validator_mtime_ns(&st),
        .name = {(const uint8_t *)name, strlen(name)},
    };
    return RES_OK;
}
