/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/sum.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct sum {
    EVP_MD_CTX *context;
    bool failed;
};

enum res sum_new(struct sum **ret)
{
    struct sum *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->context = EVP_MD_CTX_new();
    if (s->context == NULL) {
        sum_free(s);
        return RES_NO_MEMORY;
    }
    if (EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) != 1) {
        sum_free(s);
        return RES_UNSUPPORTED;
    }
    *ret = s;
    return RES_OK;
}

enum res sum_add(struct sum *s, const void *bytes, size_t len)
{
    if (!s->failed && EVP_DigestUpdate(s->context, bytes, len) != 1) {
        s->failed = true;
    }
    return s->failed ? RES_NO_MEMORY : RES_OK;
}

enum res sum_final(struct sum *s, uint8_t ret[WHERRY_SHA256_BYTES])
{
    if (s->failed || EVP_DigestFinal_ex(s->context, ret, NULL) != 1) {
        return RES_NO_MEMORY;
    }
    return RES_OK;
}

void sum_free(struct sum *s)
{
    if (s == NULL) {
        return;
    }
    EVP_MD_CTX_free(s->context);
    free(s);
}
