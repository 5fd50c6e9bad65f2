/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "io/pool.h"
#include "store/exact.h"
#include "store/sums.h"
#include "store/validator.h"
#include "store/version.h"

#define PIECE_BYTES UINT64_C(4194304) /* that one turn of a thread hashes */
#define READ_BYTES 65536u
#define SETTLED_S 2 /* a time stamp this old is of no write that is still to come */

struct hasher {
    struct pool *pool;
    const struct jail *jail;
    struct sums *sums;
};

/* All but hasher, done and owner is the job's while the pool has it. */
struct hashing {
    struct pool_job job; /* first */
    struct hasher *hasher;
    hasher_done *done;
    void *owner;
    atomic_bool cancelled;
    const struct jail *jail;
    char *name; /* NULL: fd was given */
    struct policy_who who;
    int fd;
    bool looked_up;
    struct version version;
    bool settled;       /* the file's time stamps were old enough when hashing began */
    bool same_stat;     /* nothing at all moved until hashing ended */
    EVP_MD_CTX *digest; /* NULL: hashing has not begun */
    uint64_t offset;    /* of the next byte */
    bool over;
    struct hasher_answer answer;
};

/* --- in the pool's threads --- */

/* Whether every later write gives the file another mtime than it has. */
static bool is_settled(const struct stat *st, const struct timespec *now)
{
    const time_t limit = now->tv_sec - SETTLED_S;
    const struct timespec *mtime = &st->st_mtim;

    return mtime->tv_sec < limit || (mtime->tv_sec == limit && mtime->tv_nsec <= now->tv_nsec);
}

static enum res open_it(struct hashing *a)
{
    struct timespec now;
    struct stat st;
    enum res r = RES_OK;

    if (clock_gettime(CLOCK_REALTIME, &now) == -1) {
        return res_from_errno(errno);
    }
    if (a->name != NULL) {
        r = exact_open_file(a->jail, a->name, JAIL_ANY, &a->who, &a->fd, &st);
    } else if (fstat(a->fd, &st) == -1) {
        r = res_from_errno(errno);
    }
    if (r != RES_OK) {
        return r;
    }
    a->version = version_of(&st);
    a->settled = is_settled(&st, &now);
    validator_make(&st, a->answer.validator);
    return RES_OK;
}

static enum res begin_digest(struct hashing *a)
{
    a->digest = EVP_MD_CTX_new();
    if (a->digest == NULL || EVP_DigestInit_ex(a->digest, EVP_sha256(), NULL) != 1) {
        return RES_NO_MEMORY; /* nothing else is missing of a digest that is built in */
    }
    (void)posix_fadvise(a->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice may be ignored */
    return RES_OK;
}

/* A file that ends too early is RES_CHANGED. */
static enum res hash_piece(struct hashing *a, uint64_t past)
{
    uint8_t *bytes = malloc(READ_BYTES);
    enum res r = bytes == NULL ? RES_NO_MEMORY : RES_OK;

    while (r == RES_OK && a->offset < past && !atomic_load(&a->cancelled)) {
        uint64_t left = past - a->offset;
        ssize_t n =
            pread(a->fd, bytes, left < READ_BYTES ? (size_t)left : READ_BYTES, (off_t)a->offset);

        if (n > 0) {
            a->offset += (uint64_t)n;
            r = EVP_DigestUpdate(a->digest, bytes, (size_t)n) == 1 ? RES_OK : RES_IO;
        } else if (n == 0) {
            r = RES_CHANGED;
        } else if (errno != EINTR) {
            r = res_from_errno(errno);
        }
    }
    free(bytes);
    return r;
}

static enum res end_digest(struct hashing *a)
{
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct version now;
    struct stat st;

    if (fstat(a->fd, &st) == -1) {
        return res_from_errno(errno);
    }
    now = version_of(&st);
    if (!version_is_same(&a->version, &now)) {
        return RES_CHANGED;
    }
    validator_make(&st, validator);
    a->same_stat = memcmp(validator, a->answer.validator, sizeof(validator)) == 0;
    return EVP_DigestFinal_ex(a->digest, a->answer.sha256, NULL) == 1 ? RES_OK : RES_IO;
}

/* The first turn finds out which file it is, each of the others hashes a piece. */
static enum res take_turn(struct hashing *a)
{
    uint64_t size;
    uint64_t past;
    enum res r = RES_OK;

    if (!a->looked_up) {
        a->looked_up = true;
        return open_it(a);
    }
    if (a->digest == NULL) {
        r = begin_digest(a);
    }
    size = (uint64_t)a->version.size;
    past = size - a->offset > PIECE_BYTES ? a->offset + PIECE_BYTES : size;
    if (r == RES_OK) {
        r = hash_piece(a, past);
    }
    if (r == RES_OK && a->offset == size) {
        a->over = true;
        r = end_digest(a);
    }
    return r;
}

static void work(struct pool_job *job)
{
    struct hashing *a = (struct hashing *)job;

    if (!atomic_load(&a->cancelled)) {
        a->answer.result = take_turn(a);
    }
}

/* --- on the loop --- */

static void hashing_free(struct hashing *a)
{
    if (a == NULL) {
        return;
    }
    EVP_MD_CTX_free(a->digest);
    if (a->fd != -1) {
        (void)close(a->fd); /* nothing was written: no error to lose */
    }
    policy_who_release(&a->who);
    free(a->name);
    free(a);
}

/* To the end of the queue, where other files wait for their turn. */
static void submit(struct hashing *a)
{
    a->job.owner = a;
    pool_submit(a->hasher->pool, &a->job);
}

static bool recall(struct hashing *a)
{
    return a->name != NULL && a->digest == NULL &&
           sums_recall(a->hasher->sums, a->answer.validator, a->answer.sha256);
}

static void turn_done(struct pool_job *job, void *owner)
{
    struct hashing *a = (struct hashing *)job;
    struct hasher_answer answer = a->answer;
    hasher_done *done = a->done;

    if (owner == NULL) {
        hashing_free(a); /* cancelled */
        return;
    }
    if (a->answer.result == RES_OK) {
        if (a->over) {
            if (a->name != NULL && a->settled && a->same_stat) {
                sums_remember(a->hasher->sums, a->answer.validator, a->answer.sha256);
            }
        } else if (recall(a)) {
            answer = a->answer;
        } else {
            submit(a);
            return;
        }
    }
    owner = a->owner;
    hashing_free(a);
    done(owner, &answer);
}

static struct hashing *hashing_new(struct hasher *h, hasher_done *done, void *owner)
{
    struct hashing *a = calloc(1, sizeof(*a));

    if (a != NULL) {
        a->job.work = work;
        a->job.done = turn_done;
        a->hasher = h;
        a->done = done;
        a->owner = owner;
        a->jail = h->jail;
        a->fd = -1;
        atomic_init(&a->cancelled, false);
    }
    return a;
}

enum res hasher_name(struct hasher *h, const char *name, const struct policy_who *who,
                     hasher_done *done, void *owner, struct hashing **ret)
{
    struct hashing *a = hashing_new(h, done, owner);

    if (a == NULL) {
        return RES_NO_MEMORY;
    }
    a->who = policy_who_hold(who);
    a->name = strdup(name);
    if (a->name == NULL) {
        hashing_free(a);
        return RES_NO_MEMORY;
    }
    submit(a);
    *ret = a;
    return RES_OK;
}

enum res hasher_fd(struct hasher *h, int fd, hasher_done *done, void *owner, struct hashing **ret)
{
    struct hashing *a = hashing_new(h, done, owner);
    enum res r;

    if (a == NULL) {
        return RES_NO_MEMORY;
    }
    a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (a->fd == -1) {
        r = res_from_errno(errno);
        hashing_free(a);
        return r;
    }
    submit(a);
    *ret = a;
    return RES_OK;
}

void hashing_cancel(struct hashing *a)
{
    if (a != NULL) {
        atomic_store(&a->cancelled, true);
        pool_forget(&a->job);
    }
}

enum res hasher_new(struct hasher **ret, struct loop *l, const struct jail *jail, unsigned threads,
                    size_t remembered)
{
    struct hasher *h = calloc(1, sizeof(*h));
    enum res r;

    if (h == NULL) {
        return RES_NO_MEMORY;
    }
    h->jail = jail;
    r = sums_new(&h->sums, remembered);
    if (r == RES_OK) {
        r = pool_new(&h->pool, l, threads);
    }
    if (r != RES_OK) {
        sums_free(h->sums);
        free(h);
        return r;
    }
    *ret = h;
    return RES_OK;
}

void hasher_free(struct hasher *h)
{
    if (h == NULL) {
        return;
    }
    pool_free(h->pool);
    sums_free(h->sums);
    free(h);
}
