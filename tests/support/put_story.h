/* SPDX-License-Identifier: BSD-2-Clause */
/* support/put_story.h: the server's part of an upload over the file protocol, as far as it goes
 * well, for tests of what goes differently. */
#ifndef SUPPORT_PUT_STORY_H
#define SUPPORT_PUT_STORY_H

#include <stddef.h>
#include <stdint.h>

#include "support/scripted_tcp.h"

#define PUT_CREATE 1
#define PUT_REPLACE 2

/* PUT of a file of len bytes comes; it is READY from 0. */
void put_story_begin(struct scripted_tcp *s, const char *path, size_t len);
/* Its bytes come, and END, which is answered with OK. */
void put_story_finish(struct scripted_tcp *s, const void *bytes, size_t len);
/* Both. */
void put_story(struct scripted_tcp *s, const char *path, const void *bytes, size_t len);
/* MKDIR comes and is done. */
void put_story_directory(struct scripted_tcp *s, const char *path);
/* READY of this place, with the upload id of 16 bytes. */
void put_story_ready(struct scripted_tcp *s, uint64_t offset, const uint8_t *id);

#endif
