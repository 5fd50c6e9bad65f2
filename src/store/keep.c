/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "base/hex.h"
#include "store/beneath.h"

#define DATA_PREFIX JAIL_TEMP_PREFIX "u"
#define RECORD_PREFIX JAIL_TEMP_PREFIX "r"
#define PREFIX_BYTES (sizeof(DATA_PREFIX) - 1)
#define ID_LETTERS ((size_t)2 * WHERRY_UPLOAD_ID_BYTES)
#define OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
/* A walk through the tree (store/sweep.h) holds a lock for no longer than it takes to read a
 * record. */
#define LOCK_TRIES 100
#define LOCK_WAIT_NS 2000000

_Static_assert(sizeof(DATA_PREFIX) + ID_LETTERS <= TEMP_NAME_BYTES, "names fit a struct temp");

static void make_name(const char *prefix, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                      char ret[TEMP_NAME_BYTES])
{
    memcpy(ret, prefix, PREFIX_BYTES);
    (void)hex_print(id, WHERRY_UPLOAD_ID_BYTES, ret + PREFIX_BYTES);
}

enum keep_kind keep_parse_name(const char *name, uint8_t ret_id[WHERRY_UPLOAD_ID_BYTES])
{
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    enum keep_kind kind = KEEP_NONE;

    if (strncmp(name, DATA_PREFIX, PREFIX_BYTES) == 0) {
        kind = KEEP_DATA;
    } else if (strncmp(name, RECORD_PREFIX, PREFIX_BYTES) == 0) {
        kind = KEEP_RECORD;
    }
    if (kind == KEEP_NONE || strlen(name) != PREFIX_BYTES + ID_LETTERS ||
        !hex_parse(name + PREFIX_BYTES, sizeof(id), id)) {
        return KEEP_NONE;
    }
    memcpy(ret_id, id, sizeof(id));
    return kind;
}

bool keep_has_record(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    char name[TEMP_NAME_BYTES];
    struct stat st;

    make_name(RECORD_PREFIX, id, name);
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum res keep_read(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *ret)
{
    uint8_t places[2 * KEEP_PLACE_BYTES] = {0};
    struct keep_record first;
    struct keep_record second;
    char name[TEMP_NAME_BYTES];
    struct stat st;
    bool has_first;
    bool has_second;
    ssize_t n = -1;
    int fd;

    make_name(RECORD_PREFIX, id, name);
    fd = openat(dir_fd, name, O_RDONLY | OPEN_FLAGS);
    if (fd == -1) {
        return res_from_errno(errno);
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        n = pread(fd, places, sizeof(places), 0);
    }
    close(fd);
    if (n == -1) {
        return RES_NOT_FOUND;
    }
    has_first = keep_decode(places, id, &first) == RES_OK;
    has_second = keep_decode(places + KEEP_PLACE_BYTES, id, &second) == RES_OK;
    if (!has_first && !has_second) {
        return RES_NOT_FOUND;
    }
    *ret = has_first && (!has_second || first.sequence > second.sequence) ? first : second;
    return RES_OK;
}

enum res keep_write(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *rec)
{
    struct keep_record next = *rec;
    uint8_t place[KEEP_PLACE_BYTES];
    char name[TEMP_NAME_BYTES];
    enum res r = RES_OK;
    ssize_t n;
    int fd;

    make_name(RECORD_PREFIX, id, name);
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | OPEN_FLAGS, 0600);
    if (fd == -1) {
        return res_from_errno(errno);
    }
    next.sequence++;
    next.used_ns = keep_now_ns();
    keep_encode(&next, id, place);
    n = pwrite(fd, place, sizeof(place), (off_t)(next.sequence % 2 * sizeof(place)));
    if (n != (ssize_t)sizeof(place)) {
        r = n == -1 ? res_from_errno(errno) : RES_NO_SPACE;
    }
    if (close(fd) == -1 && errno != EINTR && r == RES_OK) {
        r = res_from_errno(errno);
    }
    if (r == RES_OK) {
        *rec = next; /* else the same place is tried again: the other one is whole */
    }
    return r;
}

/* RES_LATER: somebody holds it, or it lost its name just now. */
static enum res lock_data(int dir_fd, const char *name, int flags, int *ret_fd)
{
    int fd = openat(dir_fd, name, flags | OPEN_FLAGS, 0600);
    struct stat opened;
    struct stat named;

    /* Killed when it had the mode of the file it was to replace. */
    if (fd == -1 && errno == EACCES && !(flags & O_CREAT)) {
        fd = openat(dir_fd, name, O_RDONLY | OPEN_FLAGS);
    }
    if (fd == -1) {
        return res_from_errno(errno);
    }
    /* File systems without locks never say EWOULDBLOCK. */
    if ((flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK) || fstat(fd, &opened) == -1 ||
        fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == -1 ||
        !beneath_same_file(&opened, &named)) {
        close(fd);
        return RES_LATER;
    }
    if (!S_ISREG(opened.st_mode)) {
        close(fd);
        return RES_DENIED;
    }
    *ret_fd = fd;
    return RES_OK;
}

static enum res make_data(int dir_fd, const char *name, int *ret_fd)
{
    const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};
    enum res r = RES_LATER;

    for (int i = 0; i < LOCK_TRIES && r == RES_LATER; i++) {
        if (i > 0) {
            (void)nanosleep(&wait, NULL);
        }
        r = lock_data(dir_fd, name, O_RDWR | O_CREAT, ret_fd);
    }
    return r == RES_LATER ? RES_BUSY : r;
}

/* What counts of the data; RES_OFFSET: it is for somebody else. */
static enum res judge_kept(const struct temp *t, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                           uint64_t keep_ns, struct keep_record *rec)
{
    struct keep_record kept = {.synced = 0};
    struct stat st;

    rec->sequence = 0;
    rec->synced = 0;
    if (keep_read(t->dir_fd, id, &kept) != RES_OK || fstat(t->fd, &st) == -1) {
        return RES_OK;
    }
    rec->sequence = kept.sequence;
    if (keep_age_ns(&kept, keep_now_ns()) >= keep_ns || (uint64_t)st.st_size < kept.synced) {
        return RES_OK;
    }
    if (!keep_same(&kept.facts, &rec->facts)) {
        return RES_OFFSET;
    }
    rec->synced = kept.synced;
    return RES_OK;
}

enum res keep_open(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], uint64_t keep_ns,
                   struct keep_record *rec, struct temp *ret)
{
    struct temp t = {.fd = -1, .dir_fd = dir_fd};
    enum res r;

    make_name(DATA_PREFIX, id, t.name);
    r = make_data(dir_fd, t.name, &t.fd);
    if (r != RES_OK) {
        return r;
    }
    r = judge_kept(&t, id, keep_ns, rec);
    if (r != RES_OK) {
        temp_leave(&t);
        return r;
    }
    if (ftruncate(t.fd, (off_t)rec->synced) == -1 ||
        lseek(t.fd, (off_t)rec->synced, SEEK_SET) == -1) {
        r = res_from_errno(errno);
    }
    if (r == RES_OK) {
        r = keep_write(dir_fd, id, rec);
    }
    if (r == RES_OK) {
        *ret = t;
    } else if (rec->synced > 0) {
        temp_leave(&t);
    } else {
        keep_forget(dir_fd, id);
        temp_close(&t);
    }
    return r;
}

void keep_forget(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    char name[TEMP_NAME_BYTES];

    make_name(RECORD_PREFIX, id, name);
    unlinkat(dir_fd, name, 0);
}

enum res keep_remove(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct temp t = {.fd = -1, .dir_fd = dir_fd};
    enum res r;

    make_name(DATA_PREFIX, id, t.name);
    r = lock_data(dir_fd, t.name, O_RDWR, &t.fd);
    if (r == RES_LATER) {
        return RES_BUSY;
    }
    if (r != RES_OK && r != RES_NOT_FOUND) {
        return r;
    }
    keep_forget(dir_fd, id);
    if (r == RES_OK) {
        temp_close(&t);
    }
    return RES_OK;
}

enum res keep_inspect(int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES], struct keep_record *ret)
{
    char name[TEMP_NAME_BYTES];
    struct keep_record rec = {.synced = 0};
    struct stat st;
    enum res r;
    int fd = -1;

    make_name(DATA_PREFIX, id, name);
    r = lock_data(dir_fd, name, O_RDWR, &fd);
    if (r != RES_OK) {
        return r == RES_LATER ? RES_BUSY : r;
    }
    r = keep_read(dir_fd, id, &rec);
    if (r == RES_OK && (fstat(fd, &st) == -1 || (uint64_t)st.st_size < rec.synced)) {
        r = RES_NOT_FOUND;
    }
    close(fd);
    if (r == RES_OK) {
        *ret = rec;
    }
    return r;
}
