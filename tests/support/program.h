/* SPDX-License-Identifier: BSD-2-Clause */
/* support/program.h: the wherry program, run beside the test in the working directory, which is a
 * scratch directory (support/scratch.h). Everything waits on events with a deadline, and everything
 * that does not come as told fails the running test. */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
    const char *scheme; /* of URLs: "tftp://" */
    uint16_t port;
    pid_t pid; /* 0: none runs */
};

/* Starts the program with these words, separated by spaces, and the URL of this server wherever a
 * word begins with "URL": "get URL/x here". Standard input is the file `stdin`, or empty; what it
 * says goes to the files `stdout` and `stderr`. */
void program_start(struct program *p, const char *words);
/* The same with this descriptor as its standard input. */
void program_start_with_input(struct program *p, const char *words, int in);
/* In place of the program: fn in a child process, whose answer is the exit code. */
void program_start_function(struct program *p, int (*fn)(const void *arg), const void *arg);
/* Waits until it ends, with this exit code. */
void program_ends(struct program *p, int code);
void program_signal(struct program *p, int signum);
/* For teardowns: a test that failed on the way may have left it running. */
void program_kill(struct program *p);
/* It said (or did not say) this on standard error. After its end. */
void program_says(const char *part);
void program_never_says(const char *part);

/* Files of the scratch directory. */
void program_file_is(const char *name, const void *bytes, size_t len);
void program_put_file(const char *name, const void *bytes, size_t len);
/* len bytes, up to 1 MiB, that differ from place to place; valid until the test ends. */
const uint8_t *program_pattern(size_t len);

#endif
