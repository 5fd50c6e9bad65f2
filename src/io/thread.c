/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/thread.h"

#include <signal.h>

bool thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    sigset_t all;
    sigset_t old;
    pthread_t thread;
    bool ok;

    /* Before it runs: a new thread inherits the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ok = pthread_create(&thread, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ok) {
        *ret = thread;
    }
    return ok;
}
