/* SPDX-License-Identifier: BSD-2-Clause */
/* support/sender_story.h: verbs in which the tests of the sender tell what happens. Each expect_
 * fails the test (cmocka) when the sender says anything else. */
#ifndef SUPPORT_SENDER_STORY_H
#define SUPPORT_SENDER_STORY_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/sender.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

struct sender_story {
    struct wherry_sender_params params; /* to be changed before begin() */
    struct wherry_sender *sender;
};

/* cmocka fixtures: 1,400 bytes in blocks of 512, windowsize 1, no opening, patience 60 s. */
int sender_story_setup(void **state);
int sender_story_teardown(void **state);

/* Makes the sender from f->params. */
void begin(struct sender_story *f);
/* An opening that stands for an OACK, and windows. */
void begin_window(struct sender_story *f, uint16_t windowsize, uint64_t length);

/* Exactly this block leaves now (control() offers nothing), is taken by the kernel, and nothing
 * follows it. */
void expect_data(struct sender_story *f, uint64_t block, uint64_t now_ns);
/* The same for the blocks first to last. */
void expect_window(struct sender_story *f, uint64_t first, uint64_t last, uint64_t now_ns);
/* Neither DATA nor anything else leaves. */
void expect_silence(struct sender_story *f, uint64_t now_ns);
/* The opening leaves, and nothing else. */
void expect_opening(struct sender_story *f, uint64_t now_ns);
/* An ERROR with this code and text leaves, once. */
void expect_error(struct sender_story *f, uint16_t code, const char *text, uint64_t now_ns);
void expect_state(struct sender_story *f, enum wherry_sender_state state, enum res result);

void give_ack(struct sender_story *f, uint64_t block, uint64_t now_ns);
void give_error(struct sender_story *f, uint16_t code, uint64_t now_ns);
/* Lets the clock run to the deadline; returns that moment. */
uint64_t run_out(struct sender_story *f);
/* Lets the blocks first to last leave, at now_ns and then whenever the deadline says so; returns
 * the moment of the last one. *moments: how many different ones there were. */
uint64_t follow_window(struct sender_story *f, uint64_t first, uint64_t last, uint64_t now_ns,
                       unsigned *moments);

#endif
