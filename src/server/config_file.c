/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_file.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/errno_res.h"
#include "base/text.h"
#include "server/option_rows.h"
#include "server/option_value.h"

/* A value as written. libconfuse forgets the lines once it has parsed, and its callbacks carry no
 * pointer of ours, so that the table's checks come after the parse. */
struct written {
    int line;
    char text[];
};

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    size_t len = strlen(value) + 1;
    struct written *w = malloc(sizeof *w + len);

    if (w == NULL) {
        cfg_error(cfg, "%s: out of memory", cfg_opt_name(opt));
        return -1;
    }
    w->line = cfg->line;
    memcpy(w->text, value, len);
    *(void **)result = w;
    return 0;
}

/* Keeps the first complaint in the root's comment, the one text in a cfg_t that the parser leaves
 * to its user. */
static void keep_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[CONFIG_WHY];
    char quoted[CONFIG_WHY];

    if (cfg->comment == NULL) {
        vsnprintf(text, sizeof text, format, args);
        text_quote((const uint8_t *)text, strlen(text), quoted, sizeof quoted);
        cfg->comment = strdup(quoted);
    }
}

static void list_keys(char *buf, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    size_t len = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < count && len < cap; i++) {
        if (option_in_file(&rows[i])) {
            len +=
                (size_t)snprintf(buf + len, cap - len, "%s%s", len == 0 ? "" : ", ", rows[i].name);
        }
    }
}

static void explain_parse_error(const cfg_t *cfg, const char *path, char *why, size_t cap)
{
    const char *text = cfg->comment != NULL ? cfg->comment : "not a configuration";
    char keys[CONFIG_WHY] = "";

    if (strstr(text, "no such option") != NULL) {
        list_keys(keys, sizeof keys);
    }
    snprintf(why, cap, "%s:%d: %s%s%s", path, cfg->line, text, keys[0] != '\0' ? "; allowed: " : "",
             keys);
}

static enum res apply_row(const struct option_row *row, cfg_t *cfg, const char *path,
                          struct config *c, char *why, size_t cap)
{
    cfg_opt_t *opt = cfg_getopt(cfg, row->name);
    char detail[CONFIG_WHY];

    if ((opt->flags & CFGF_MODIFIED) == 0) {
        return RES_OK;
    }
    option_value_clear(row, c);
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const struct written *w = cfg_opt_getnptr(opt, i);
        enum res r = option_value_set(row, c, w->text, detail, sizeof detail);

        if (r != RES_OK) {
            snprintf(why, cap, "%s:%d: %s: %s", path, w->line, row->name, detail);
            return r;
        }
    }
    return RES_OK;
}

/* One libconfuse option for each key of the table. The caller frees the array. */
static cfg_opt_t *make_options(const struct option_row *rows, size_t count)
{
    cfg_opt_t *options = calloc(count + 1, sizeof *options);
    size_t used = 0;

    if (options == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (option_in_file(&rows[i])) {
            cfg_flag_t flags = option_is_list(&rows[i]) ? CFGF_LIST : CFGF_NODEFAULT;
            cfg_opt_t option = CFG_PTR_CB(rows[i].name, NULL, flags, keep_value, free);

            options[used++] = option;
        }
    }
    options[used] = (cfg_opt_t)CFG_END();
    return options;
}

/* A directory would end the program inside libconfuse's scanner. */
static enum res open_file(const char *path, FILE **ret, char *why, size_t cap)
{
    FILE *file = fopen(path, "re");
    struct stat st;

    if (file == NULL) {
        int error = errno;

        snprintf(why, cap, "%s: cannot be read: %s", path, strerror(error));
        return res_from_errno(error);
    }
    if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
        snprintf(why, cap, "%s: is a directory, not a configuration file", path);
        fclose(file);
        return RES_IS_DIR;
    }
    *ret = file;
    return RES_OK;
}

static enum res parse(FILE *file, const char *path, struct config *c, char *why, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    cfg_opt_t *options = make_options(rows, count);
    cfg_t *cfg = options != NULL ? cfg_init(options, CFGF_NONE) : NULL;
    enum res r = RES_NO_MEMORY;

    if (cfg == NULL) {
        snprintf(why, cap, "%s: out of memory", path);
        goto cleanup;
    }
    cfg_set_error_function(cfg, keep_error);
    if (cfg_parse_fp(cfg, file) != CFG_SUCCESS) {
        explain_parse_error(cfg, path, why, cap);
        r = RES_PROTOCOL;
        goto cleanup;
    }
    r = RES_OK;
    for (size_t i = 0; i < count && r == RES_OK; i++) {
        if (option_in_file(&rows[i])) {
            r = apply_row(&rows[i], cfg, path, c, why, cap);
        }
    }
cleanup:
    if (cfg != NULL) {
        free(cfg->comment);
        cfg->comment = NULL;
        cfg_free(cfg);
    }
    free(options);
    return r;
}

enum res config_file_read(const char *path, struct config *c, char *why, size_t cap)
{
    FILE *file;
    enum res r = open_file(path, &file, why, cap);

    if (r != RES_OK) {
        return r;
    }
    r = parse(file, path, c, why, cap);
    fclose(file);
    return r;
}
