/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config_text.h: the text of a configuration file, made ready for libconfuse.
 *
 * libconfuse 3.3 counts the lines of comments more than once, so that its line numbers are wrong
 * behind them; it takes `//x` for a word; and a string that is never closed stays open in its
 * scanner, which the next file then begins in; and a section may end with the file. So comments
 * become spaces here, line for line, and what is not closed is reported. */
#ifndef SERVER_CONFIG_TEXT_H
#define SERVER_CONFIG_TEXT_H

/* Blanks comments: from # to the end of the line, from // likewise where a word may begin (so not
 * in tftp://ADDR), and between the usual C marks, which do not nest. Returns NULL, or what is
 * wrong; *ret_line is then the line where it begins. */
const char *config_text_clean(char *text, unsigned *ret_line);

#endif
