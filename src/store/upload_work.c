/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload_work.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/exact.h"
#include "store/policy.h"
#include "store/validator.h"

static void close_dir(struct upload_work *w)
{
    if (w->dir_fd != -1) {
        close(w->dir_fd);
        w->dir_fd = -1;
    }
}

static void drop(struct upload_work *w)
{
    if (w->writer != NULL) {
        if (w->has_id) {
            keep_forget(w->dir_fd, w->id);
        }
        writer_abort(w->writer);
        w->writer = NULL;
    }
    close_dir(w);
}

static enum res find_target(struct upload_work *w, struct writer_params *p, struct jail_target *ret)
{
    /* Where nobody may upload, nobody learns this way which names exist. */
    enum res r = policy_judge_anywhere(&w->who, POLICY_CREATE);

    if (r == RES_OK) {
        r = exact_find_target(w->jail, w->record.facts.name, &w->who, ret);
    }
    if (r != RES_OK) {
        return r;
    }
    p->replace = !w->record.facts.create && ret->replaceable;
    r = writer_judge(ret, p);
    if (r != RES_OK) {
        close(ret->dir_fd);
    }
    return r;
}

static enum res open_kept(struct upload_work *w, const struct jail_target *t,
                          struct writer_params *p)
{
    struct temp data;
    enum res r = keep_open(t->dir_fd, w->id, w->limits.keep_ns, &w->record, &data);

    if (r != RES_OK) {
        return r;
    }
    p->offset = w->record.synced;
    r = writer_begin_at(&w->writer, t, p, &data);
    if (r == RES_OK) {
        return RES_OK;
    }
    if (p->offset > 0) {
        temp_leave(&data);
    } else {
        keep_forget(t->dir_fd, w->id);
        temp_close(&data);
    }
    return r;
}

static enum res open_target(struct upload_work *w)
{
    struct writer_params p = {
        .sync = w->sync,
        .mode = w->limits.mode,
        .expected_size = w->record.facts.size,
        .size_max = w->limits.size_max,
        .reserve = w->limits.reserve,
    };
    struct jail_target t;
    enum res r = find_target(w, &p, &t);

    if (r != RES_OK) {
        return r;
    }
    r = w->has_id ? open_kept(w, &t, &p) : writer_begin_at(&w->writer, &t, &p, NULL);
    if (r != RES_OK) {
        close(t.dir_fd);
        return r;
    }
    w->dir_fd = t.dir_fd;
    return RES_OK;
}

/* All that came so far counts. It is on the disk before the record says so: when the machine dies,
 * the record may fall behind the data, and never the other way. */
static enum res sync_kept(struct upload_work *w)
{
    uint64_t before = w->record.synced;
    enum res r;

    if (fdatasync(writer_fd(w->writer)) == -1) {
        return res_from_errno(errno);
    }
    w->record.synced = writer_bytes(w->writer);
    r = keep_write(w->dir_fd, w->id, &w->record);
    if (r != RES_OK) {
        w->record.synced = before;
    }
    return r;
}

static enum res write_batch(struct upload_work *w)
{
    uint64_t before = writer_bytes(w->writer);
    enum res r;

    writer_retry(w->writer);
    r = writer_write(w->writer, w->batch.bytes + w->batch_done, w->batch.len - w->batch_done);
    w->batch_done += (size_t)(writer_bytes(w->writer) - before);
    if (r == RES_OK && w->has_id &&
        writer_bytes(w->writer) - w->record.synced >= UPLOAD_SYNC_BYTES) {
        r = sync_kept(w);
    }
    return r;
}

static enum res finish(struct upload_work *w)
{
    struct stat st;
    enum res r = writer_commit(w->writer, &st);

    w->writer = NULL;
    if (w->has_id) {
        keep_forget(w->dir_fd, w->id);
    }
    if (r == RES_OK) {
        validator_make(&st, w->validator);
    }
    close_dir(w);
    return r;
}

/* What cannot be kept is dropped. */
static enum res keep(struct upload_work *w)
{
    enum res r = w->has_id ? RES_OK : RES_UNSUPPORTED;

    if (r == RES_OK && w->batch.len > w->batch_done) {
        r = write_batch(w);
    }
    if (r == RES_OK) {
        r = writer_bytes(w->writer) > 0 ? sync_kept(w) : RES_NOT_FOUND;
    }
    if (r == RES_OK) {
        writer_leave(w->writer);
        w->writer = NULL;
    }
    drop(w);
    return r;
}

void upload_work_do(struct pool_job *base)
{
    struct upload_work *w = (struct upload_work *)base;

    w->worked = true;
    switch (w->step) {
    case UPLOAD_ANSWER:
        break;
    case UPLOAD_OPEN:
        w->result = open_target(w);
        break;
    case UPLOAD_WRITE:
        w->result = write_batch(w);
        break;
    case UPLOAD_FINISH:
        w->result = finish(w);
        break;
    case UPLOAD_KEEP:
        w->result = keep(w);
        break;
    case UPLOAD_DROP:
        drop(w);
        w->result = RES_OK;
        break;
    }
}

void upload_work_release(struct upload_work *w)
{
    drop(w);
    policy_who_release(&w->who);
    buffer_clear(&w->batch);
}
