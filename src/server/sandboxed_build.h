/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandboxed_build.h: does this build bring run-time libraries of sanitizers with it, which
 * need more than serving does? */
#ifndef SERVER_SANDBOXED_BUILD_H
#define SERVER_SANDBOXED_BUILD_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WHERRY_SANDBOXED_SANITIZERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WHERRY_SANDBOXED_SANITIZERS 1
#endif
#endif

#endif
