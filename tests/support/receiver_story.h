/* SPDX-License-Identifier: BSD-2-Clause */
/* support/receiver_story.h: verbs in which the tests of the receiver tell what happens. Each
 * expect_ fails the test (cmocka) when the receiver says anything else. */
#ifndef SUPPORT_RECEIVER_STORY_H
#define SUPPORT_RECEIVER_STORY_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/receiver.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

struct receiver_story {
    struct wherry_receiver_params params; /* to be changed before begin() */
    uint64_t length;                      /* of what the peer sends, bytes */
    struct wherry_receiver *receiver;
};

/* cmocka fixtures: an opening that stands for an OACK, blocks of 512, windowsize 1, patience 60 s;
 * the peer sends 1,400 bytes: blocks 1, 2 and a short 3. */
int receiver_story_setup(void **state);
int receiver_story_teardown(void **state);

/* Makes the receiver from f->params. */
void begin(struct receiver_story *f);
void begin_window(struct receiver_story *f, uint16_t windowsize, uint64_t length);

/* The block arrives; what the receiver says to it. */
enum wherry_verdict give_data(struct receiver_story *f, uint64_t block, uint64_t now_ns);
/* The block arrives, is to be stored (right place and bytes), and is stored at once. */
void take_data(struct receiver_story *f, uint64_t block, uint64_t now_ns);
/* The same, but its storing is left to the test. */
void hold_data(struct receiver_story *f, uint64_t block, uint64_t now_ns);
void stored(struct receiver_story *f, uint64_t block, uint64_t now_ns);
void give_packet(struct receiver_story *f, struct wherry_packet p, uint64_t now_ns);

void expect_ack(struct receiver_story *f, uint64_t block, uint64_t now_ns);
void expect_opening(struct receiver_story *f, uint64_t now_ns);
void expect_error(struct receiver_story *f, uint16_t code, const char *text, uint64_t now_ns);
void expect_silence(struct receiver_story *f, uint64_t now_ns);
void expect_state(struct receiver_story *f, enum wherry_receiver_state state, enum res result);
/* Lets the clock run to the deadline; returns that moment. */
uint64_t run_out(struct receiver_story *f);

/* Blocks 1, 2 and 3 of 1,400 bytes stored in windows of 1, 10 ms apart; COMMITTING at 30 ms. */
void take_file(struct receiver_story *f);

#endif
