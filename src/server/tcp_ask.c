/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests with one answer and no body: STAT, HASH, MKDIR. */
#include "server/tcp_session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/who.h"
#include "store/exact.h"
#include "store/validator.h"

#define DIRECTORY_MODE 0777 /* less umask */

/* A look-up or a new directory, of the pool. The owner is the session. */
struct ask_job {
    struct pool_job pool_job; /* first */
    const struct jail *jail;
    struct policy_who who;
    char *name;
    enum res res;
    struct stat stat;
};

static void job_free(struct ask_job *job)
{
    policy_who_release(&job->who);
    free(job->name);
    free(job);
}

static enum res job_start(struct tcp_session *s, const char *name, const struct policy_who *who,
                          void (*work)(struct pool_job *pool_job),
                          void (*done)(struct pool_job *pool_job, void *owner))
{
    struct ask_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    job->name = strdup(name);
    if (job->name == NULL) {
        job_free(job);
        return RES_NO_MEMORY;
    }
    job->pool_job.work = work;
    job->pool_job.done = done;
    job->pool_job.owner = s;
    job->jail = s->room->jail;
    job->who = policy_who_hold(who);
    s->ask.job = job;
    pool_submit(s->room->pool, &job->pool_job);
    return RES_OK;
}

static void ask_free(struct tcp_session *s)
{
    struct ask_job *job = s->ask.job;

    if (job != NULL) {
        pool_forget(&job->pool_job);
        s->ask.job = NULL;
    }
    hashing_cancel(s->ask.hashing);
    s->ask.hashing = NULL;
}

static void stop_at_once(struct tcp_session *s, enum res why, uint64_t now_ns)
{
    tcp_session_end(s, why, NULL, now_ns);
}

/* --- STAT --- */

static void answer_stat(struct tcp_session *s, enum res r, const struct stat *st, uint64_t now_ns)
{
    struct wherry_message_info info;

    if (r == RES_OK) {
        validator_info(st, &info);
        (void)wherry_exchange_info(s->exchange, &info, now_ns); /* refused, so is the end */
    }
    tcp_session_end(s, r, NULL, now_ns);
}

static void stat_work(struct pool_job *pool_job)
{
    struct ask_job *job = (struct ask_job *)pool_job;

    job->res = exact_stat(job->jail, job->name, JAIL_ANY, &job->who, &job->stat);
}

static void stat_done(struct pool_job *pool_job, void *owner)
{
    struct ask_job *job = (struct ask_job *)pool_job;
    struct tcp_session *s = owner;

    if (s != NULL) {
        uint64_t now_ns = loop_now_ns(s->room->loop);

        s->ask.job = NULL;
        answer_stat(s, job->res, &job->stat, now_ns);
        tcp_session_flush(s, now_ns);
    }
    job_free(job);
}

static void stat_begin(struct tcp_session *s, uint64_t now_ns)
{
    const char *name = tcp_session_name(s, s->request->m.path.path);
    const struct policy_who who = who_of(s->room->config, &s->peer);
    struct stat st;
    enum res r = exact_stat(s->room->jail, name, JAIL_CACHED, &who, &st);

    if (r == RES_LATER) {
        r = job_start(s, name, &who, stat_work, stat_done);
        if (r == RES_OK) {
            return;
        }
    }
    answer_stat(s, r, &st, now_ns);
}

const struct tcp_driver tcp_stat_driver = {
    .op = "stat",
    .begin = stat_begin,
    .stop = stop_at_once,
    .free = ask_free,
};

/* --- HASH --- */

static void hash_done(void *owner, const struct hasher_answer *a)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);
    struct wherry_message_hash_reply reply;

    s->ask.hashing = NULL;
    if (a->result == RES_OK) {
        memcpy(reply.validator, a->validator, sizeof(reply.validator));
        memcpy(reply.sha256, a->sha256, sizeof(reply.sha256));
        (void)wherry_exchange_hash_reply(s->exchange, &reply, now_ns); /* refused, so is the end */
    }
    tcp_session_end(s, a->result, NULL, now_ns);
    tcp_session_flush(s, now_ns);
}

static void hash_begin(struct tcp_session *s, uint64_t now_ns)
{
    const char *name = tcp_session_name(s, s->request->m.path.path);
    const struct policy_who who = who_of(s->room->config, &s->peer);
    enum res r = hasher_name(s->room->hasher, name, &who, hash_done, s, &s->ask.hashing);

    if (r != RES_OK) {
        tcp_session_end(s, r, NULL, now_ns);
    }
}

const struct tcp_driver tcp_hash_driver = {
    .op = "hash",
    .begin = hash_begin,
    .stop = stop_at_once,
    .free = ask_free,
};

/* --- MKDIR --- */

static void mkdir_work(struct pool_job *pool_job)
{
    struct ask_job *job = (struct ask_job *)pool_job;

    job->res = exact_make_dir(job->jail, job->name, &job->who, DIRECTORY_MODE);
}

static void mkdir_done(struct pool_job *pool_job, void *owner)
{
    struct ask_job *job = (struct ask_job *)pool_job;
    struct tcp_session *s = owner;

    if (s != NULL) {
        uint64_t now_ns = loop_now_ns(s->room->loop);

        s->ask.job = NULL;
        tcp_session_end(s, job->res, NULL, now_ns);
        tcp_session_flush(s, now_ns);
    }
    job_free(job);
}

static void mkdir_begin(struct tcp_session *s, uint64_t now_ns)
{
    const char *name = tcp_session_name(s, s->request->m.path.path);
    const struct policy_who who = who_of(s->room->config, &s->peer);
    enum res r = policy_judge_anywhere(&who, POLICY_CREATE);

    if (r == RES_OK) {
        r = job_start(s, name, &who, mkdir_work, mkdir_done);
    }
    if (r != RES_OK) {
        tcp_session_end(s, r, NULL, now_ns);
    }
}

/* It may be made already: the client hears whether it was. */
static void mkdir_stop(struct tcp_session *s, enum res why, uint64_t now_ns)
{
    (void)s;
    (void)why;
    (void)now_ns;
}

const struct tcp_driver tcp_mkdir_driver = {
    .op = "mkdir",
    .begin = mkdir_begin,
    .stop = mkdir_stop,
    .free = ask_free,
};
