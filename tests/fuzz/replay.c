/* SPDX-License-Identifier: BSD-2-Clause */
/* replay DIRECTORY: gives each saved input to a fuzz target, as an ordinary test that needs no
 * libFuzzer. A directory without inputs is a failure: a test that tests nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/check.h"

/* The file in a block of exactly its size, so that a read past the end is caught; NULL: errno says
 * why. */
static uint8_t *read_input(int directory, const char *name, size_t *ret_len)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = NULL;
    struct stat st;
    ssize_t got;

    if (fd == -1) {
        return NULL;
    }
    if (fstat(fd, &st) == -1) {
        goto end;
    }
    bytes = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
    if (bytes == NULL) {
        goto end;
    }
    got = read(fd, bytes, (size_t)st.st_size);
    if (got != st.st_size) {
        errno = got == -1 ? errno : EIO;
        free(bytes);
        bytes = NULL;
        goto end;
    }
    *ret_len = (size_t)st.st_size;
end:
    (void)close(fd);
    return bytes;
}

static bool replay(DIR *directory, size_t *ret_inputs)
{
    size_t inputs = 0;

    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        uint8_t *bytes;
        size_t len;

        if (entry->d_name[0] == '.') {
            continue;
        }
        bytes = read_input(dirfd(directory), entry->d_name, &len);
        if (bytes == NULL) {
            (void)fprintf(stderr, "%s: %s\n", entry->d_name, strerror(errno));
            return false;
        }
        (void)printf("%s, %zu bytes\n", entry->d_name, len);
        (void)fflush(stdout); /* the last line names the input that fails */
        (void)LLVMFuzzerTestOneInput(bytes, len);
        free(bytes);
        inputs++;
    }
    *ret_inputs = inputs;
    return true;
}

int main(int argc, char **argv)
{
    size_t inputs = 0;
    DIR *directory;
    bool done;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    directory = opendir(argv[1]);
    if (directory == NULL) {
        (void)fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    done = replay(directory, &inputs);
    (void)closedir(directory);
    if (done && inputs == 0) {
        (void)fprintf(stderr, "%s: holds no inputs\n", argv[1]);
    }
    return done && inputs > 0 ? 0 : 1;
}
