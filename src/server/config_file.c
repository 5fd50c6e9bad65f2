/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_file.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errno_res.h"
#include "base/text.h"
#include "server/config_text.h"
#include "server/option_rows.h"
#include "server/option_value.h"

#define FILE_BYTES_MAX (UINT64_C(1) << 20)

/* A value as written. libconfuse forgets the lines once it has parsed, and its callbacks carry no
 * pointer of ours, so that the table's checks come after the parse. */
struct written {
    int line;
    char text[];
};

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    size_t len = strlen(value) + 1;
    struct written *w = malloc(sizeof(*w) + len);

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
        vsnprintf(text, sizeof(text), format, args);
        text_quote((const uint8_t *)text, strlen(text), quoted, sizeof(quoted));
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
        list_keys(keys, sizeof(keys));
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
        enum res r = option_value_set(row, c, w->text, detail, sizeof(detail));

        if (r != RES_OK) {
            snprintf(why, cap, "%s:%d: %s: %s", path, w->line, row->name, detail);
            return r;
        }
    }
    return RES_OK;
}

/* One libconfuse option for each key of the table. The caller frees the array. */
static cfg_opt_t *make_options(void)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    cfg_opt_t *options = calloc(count + 1, sizeof(*options));
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

/* All of a file, ended by NUL. The caller frees it. */
static enum res read_text(const char *path, char **ret, char *why, size_t cap)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t len = 0;
    enum res r = RES_OK;

    if (file == NULL) {
        goto failed;
    }
    text = malloc(FILE_BYTES_MAX + 1);
    if (text == NULL) {
        goto failed;
    }
    len = fread(text, 1, FILE_BYTES_MAX + 1, file);
    if (ferror(file) != 0) {
        goto failed;
    }
    if (len > FILE_BYTES_MAX || memchr(text, '\0', len) != NULL) {
        snprintf(why, cap, "%s: not a configuration file: %s", path,
                 len > FILE_BYTES_MAX ? "larger than 1 MiB" : "it holds NUL bytes");
        r = RES_PROTOCOL;
        goto cleanup;
    }
    text[len] = '\0';
    *ret = text;
    text = NULL;
    goto cleanup;
failed:
    r = res_from_errno(errno);
    snprintf(why, cap, "%s: cannot be read: %s", path, strerror(errno));
cleanup:
    free(text);
    if (file != NULL) {
        fclose(file);
    }
    return r;
}

static enum res apply(cfg_t *cfg, const char *path, struct config *c, char *why, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    enum res r = RES_OK;

    for (size_t i = 0; i < count && r == RES_OK; i++) {
        if (option_in_file(&rows[i])) {
            r = apply_row(&rows[i], cfg, path, c, why, cap);
        }
    }
    return r;
}

static enum res parse(const char *text, const char *path, struct config *c, char *why, size_t cap)
{
    cfg_opt_t *options = make_options();
    cfg_t *cfg = options != NULL ? cfg_init(options, CFGF_NONE) : NULL;
    enum res r = RES_NO_MEMORY;

    if (cfg == NULL) {
        snprintf(why, cap, "%s: out of memory", path);
        goto cleanup;
    }
    cfg_set_error_function(cfg, keep_error);
    if (cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
        explain_parse_error(cfg, path, why, cap);
        r = RES_PROTOCOL;
        goto cleanup;
    }
    r = apply(cfg, path, c, why, cap);
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
    char *text = NULL;
    const char *wrong;
    unsigned line;
    enum res r = read_text(path, &text, why, cap);

    if (text == NULL) {
        return r;
    }
    wrong = config_text_clean(text, &line);
    if (wrong != NULL) {
        snprintf(why, cap, "%s:%u: %s", path, line, wrong);
        r = RES_PROTOCOL;
    } else {
        r = parse(text, path, c, why, cap);
    }
    free(text);
    return r;
}
