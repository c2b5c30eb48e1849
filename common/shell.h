/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_SHELL_H
#define KD_COMMON_SHELL_H

/* ${word} for sh, quoted so that it is taken as it is. Caller's. */
char *shell_quote(const char *word);
/* The same, but left as it is where sh takes it so: for commands that people read. Caller's. */
char *shell_word(const char *word);
/* ${text} between double quotes in one of docker's templates (-f): what is not plain as \xNN. Caller's. */
char *shell_template(const char *text);

#endif
